"""A small agent that keeps the turn protocol, to hold conversations with the playbook over a scripted box office."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from scripted_office import ZONE, BoxOffice
from usher_agent.turns.wording import refused
from usher_inference.playbook import Call, Heard, HeardCall, Say, next_act
from usher_shared.contracts.confirmations import PROTECTED_ACTIONS
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import TOOLS


class Conversation:
    """The agent's side of the turn protocol. Every reply is checked for made-up amounts of money."""

    def __init__(self, office: BoxOffice, tools: frozenset[str] | None = None) -> None:
        self.office = office
        self.tools = frozenset(TOOLS) - {"quote"} if tools is None else tools
        self.history: list[Heard] = []
        self.proposal: tuple[str, str, dict[str, Any]] | None = None
        self.turn_calls: list[str] = []

    def _system(self) -> Heard:
        return Heard(
            "system",
            "You are Usher, a ticketing assistant.\n"
            f"Current time: {self.office.now.isoformat()}\nHome time zone: {ZONE.key}\nBe kind.",
        )

    def act(self) -> Call | Say:
        return next_act([self._system(), *self.history], self.tools)

    def _record(self, tool: str, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
        id = f"call_{len(self.history)}"
        self.history.append(Heard("assistant", calls=(HeardCall(id, tool, json.dumps(arguments)),)))
        self.history.append(Heard("tool", json.dumps(answer), answers=id))

    def say(self, text: str, consent: str = "unclear") -> str:
        """One customer message; `consent` is what the agent's classifier makes of it. Returns the reply."""
        self.turn_calls = []
        pending, self.history = self.proposal, [*self.history, Heard("user", text)]
        if pending and consent == "yes":
            _, tool, arguments = pending
            self.proposal = None
            answer = self.office.run(tool, arguments)
            self._record(tool, arguments, answer)
            if "error" in answer:  # the agent itself says what went wrong, before the playbook goes on
                return f"{refused(answer['error'], answer['detail'])}\n\n{self._go_on()}"
        elif pending and consent == "no":
            self.proposal = None
            note = f"The customer declined the proposal {pending[0]}; nothing was charged."
            self.history.append(Heard("system", note))
        elif pending and consent == "expired":
            self.proposal = None
            note = f"The proposal {pending[0]} has expired; nothing was charged. A new quote is needed."
            self.history.append(Heard("system", note))
        return self._go_on()

    def press_no(self) -> str:
        """The confirmation's own button: no message, only the agent's note. Returns the reply."""
        assert self.proposal is not None
        self.turn_calls = []
        note = f"The customer declined the proposal {self.proposal[0]}; nothing was charged."
        self.history.append(Heard("system", note))
        self.proposal = None
        return self._go_on()

    def _go_on(self) -> str:
        for _ in range(12):
            act = self.act()
            if isinstance(act, Say):
                self._check_money(act.text)
                self.history.append(Heard("assistant", act.text))
                return act.text
            assert act.tool in self.tools
            self.turn_calls.append(act.tool)
            if act.tool in PROTECTED_ACTIONS:
                reply = self._propose(act)
                if reply:
                    return reply
                continue
            self._record(act.tool, act.arguments, self.office.run(act.tool, act.arguments))
        raise AssertionError(f"no end: {self.turn_calls}")

    def _propose(self, act: Call) -> str | None:
        office = self.office
        assert act.arguments.get("hold_id") in office.holds or act.arguments.get("order_id") in office.orders
        if office.fail.get(f"quote:{act.tool}"):
            code, detail = office.fail[f"quote:{act.tool}"].pop(0)
            self._record(act.tool, act.arguments, {"error": code, "detail": detail})
            return None
        id = office.new("CONF")
        total = 0.0
        if act.tool == "create_order":
            total = office.price(office.holds[act.arguments["hold_id"]]["seats"])
        answer = {
            "status": "confirmation_required",
            "confirmation_id": id,
            "summary": f"{act.tool} {json.dumps(act.arguments)}",
            "total": total,
            "currency": "USD",
            "policy": "No refunds within 48 hours.",
            "expires_at": (office.now + timedelta(minutes=5)).isoformat(),
        }
        self._record(act.tool, act.arguments, answer)
        self.proposal = (id, act.tool, act.arguments)
        reply = f"Proposal: {act.tool}, total ${total:,.2f}. No refunds within 48 hours. Shall I go ahead?"
        self.history.append(Heard("assistant", reply))
        return reply

    def _check_money(self, text: str) -> None:
        """Every amount said stands in a tool answer, is a sum of seat prices there, or was said by the customer."""
        heard = " ".join(m.text for m in self.history if m.role in ("tool", "user"))
        known = {to_minor(n, "USD") for n in re.findall(r"\d+(?:\.\d{1,2})?", heard)}
        prices = [p for p in known if p <= 20000]
        for message in self.history:
            if message.role == "tool" and '"seats"' in message.text:
                running = 0
                for seat in json.loads(message.text).get("seats", []):
                    running += to_minor(seat["price"], "USD")
                    known.add(running)
        sums = {p * n for p in prices for n in range(2, 11)}
        pairs = {a * n + b * k for a in prices for b in prices for n in range(1, 4) for k in range(1, 4)}
        for amount in re.findall(r"\$([\d,]+\.\d\d)", text):
            minor = to_minor(amount.replace(",", ""), "USD")
            assert minor in known | sums | pairs or minor + 1 in known, f"{amount} was made up: {text}"


@pytest.fixture
def office() -> BoxOffice:
    return BoxOffice()


@pytest.fixture
def chat(office: BoxOffice) -> Conversation:
    return Conversation(office)


@pytest.fixture
def open_chat(office: BoxOffice) -> Callable[[frozenset[str]], Conversation]:
    return lambda tools: Conversation(office, tools)


@pytest.fixture
def bought(office: BoxOffice) -> dict[str, Any]:
    """An order of two seats in section C for the Saturday game."""
    show = office.shows["EV_SHARKS_SAT"]
    seats = [show.seats.pop(f"C-9-{n}").model_dump() for n in (1, 2)]
    return office.order_of(show, seats)
