"""A scripted box office and a small agent that keeps the turn protocol, to hold conversations with the playbook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rapidfuzz import fuzz

from usher_inference.playbook import Call, Heard, HeardCall, Say, next_act
from usher_shared.contracts.confirmations import PROTECTED_ACTIONS
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import (
    TOOLS,
    EventInfo,
    EventSummary,
    OrderView,
    SeatOffer,
    SectionInfo,
    VenueInfo,
    parse_date_range,
)

ZONE = ZoneInfo("America/Los_Angeles")
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=ZONE)  # a Friday


class Refused(Exception):
    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail


@dataclass
class Show:
    event_id: str
    name: str
    starts_at: datetime
    city: str = "Oakland"
    venue: str = "Bay Arena"
    category: str = "sports"
    performers: tuple[str, ...] = ()
    seats: dict[str, SeatOffer] = field(default_factory=dict)  # the free ones, best first
    status: str = "on_sale"
    section_names: dict[str, str] = field(default_factory=dict)  # by code; `Section <code>` else

    def summary(self) -> dict[str, Any]:
        local = self.starts_at.astimezone(ZONE)
        free = list(self.seats.values())
        return EventSummary(
            event_id=self.event_id,
            name=self.name,
            category=self.category,
            venue=self.venue,
            city=self.city,
            starts_at=local,
            local_start=local.strftime("%a %-d %b %Y, %H:%M"),
            time_zone=ZONE.key,
            currency="USD",
            price_from=min((s.price for s in free), default=None),
            available=len(free),
            status="on_sale" if self.status == "on_sale" and free else ("sold_out" if not free else self.status),
        ).model_dump(mode="json")

    def info(self) -> dict[str, Any]:
        sections: dict[str, list[SeatOffer]] = {}
        for seat in self.seats.values():
            sections.setdefault(seat.section, []).append(seat)
        facts = {
            "parking": "Parking is $30 in Lot C, opening three hours before the start.",
            "bags": "Bags up to 14 x 14 inches",
            "doors": "Doors open 90 minutes before the start.",
        }
        return EventInfo(
            **self.summary(),
            performers=list(self.performers),
            venue_info=VenueInfo(
                venue_id="V1",
                name=self.venue,
                city=self.city,
                address="1 Arena Way",
                time_zone=ZONE.key,
                facts=facts,
            ),
            sections=[
                SectionInfo(
                    section=name,
                    name=self.section_names.get(name, f"Section {name}"),
                    general_admission=any(s.general_admission for s in seats),
                    price={"min": min(s.price for s in seats), "max": max(s.price for s in seats)},
                    available=len(seats),
                    capacity=100,
                    accessible_available=sum(s.accessible for s in seats),
                )
                for name, seats in sections.items()
            ],
            policies={"refund": "Refunds are possible until 48 hours before the event."},
        ).model_dump(mode="json")


def block(section: str, row: str, numbers: range, price: float, *, accessible: bool = False) -> dict[str, SeatOffer]:
    offers = [
        SeatOffer(
            id=f"{section}-{row}-{n}", price=price, section=section, row=row, number=str(n), accessible=accessible
        )
        for n in numbers
    ]
    return {offer.id: offer for offer in offers}


def standard_seats() -> dict[str, SeatOffer]:
    return {
        **block("A", "1", range(1, 7), 150.0),
        **block("B", "3", range(1, 7), 90.0),
        **block("C", "9", range(1, 9), 40.0),
        **block("C", "10", range(1, 3), 35.0, accessible=True),
    }


def is_run(seats: list[SeatOffer], quantity: int) -> bool:
    """Whether these are that many neighbouring seats of one row."""
    rows = {(seat.section, seat.row) for seat in seats}
    numbers = [int(seat.number) for seat in seats]
    return len(seats) == quantity and len(rows) == 1 and numbers == list(range(numbers[0], numbers[0] + quantity))


class BoxOffice:
    """Answers tool calls as the real one would, in memory; `fail` queues refusals by tool."""

    def __init__(self) -> None:
        def at(day: int, hour: int, minute: int = 0) -> datetime:
            return datetime(2026, 11, day, hour, minute, tzinfo=ZONE)

        self.now = NOW
        self.most_seats: int | None = None  # in one hold, where the box office says so
        self.shows = {
            show.event_id: show
            for show in (
                Show("EV_SHARKS_FRI", "Sharks vs Kings", at(20, 19, 30), performers=("Sharks", "Kings")),
                Show("EV_SHARKS_SAT", "Sharks vs Ducks", at(21, 18), performers=("Sharks", "Ducks")),
                Show("EV_ADELE", "Adele Live", at(28, 20), "San Francisco", "Civic Hall", "music", ("Adele",)),
                Show("EV_HAMLET", "Hamlet", at(22, 14), "San Francisco", "Playhouse", "theatre"),
                Show("EV_GALA", "Winter Gala", at(29, 19), "San Jose", "Opera House", "music", ("Night Choir",)),
            )
        }
        for show in self.shows.values():
            show.seats = standard_seats()
        self.shows["EV_GALA"].seats = {}
        self.holds: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.tickets: list[dict[str, Any]] = []
        self.fail: dict[str, list[tuple[str, str]]] = {}
        self.meanwhile: dict[str, list[Callable[[], object]]] = {}  # what others do just before a call
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.serial = 0

    def new(self, prefix: str) -> str:
        self.serial += 1
        return f"{prefix}_{self.serial:04d}"

    def run(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((tool, arguments))
        try:
            if self.meanwhile.get(tool):
                self.meanwhile[tool].pop(0)()
            if self.fail.get(tool):
                raise Refused(*self.fail[tool].pop(0))
            parsed = {"customer_id": "C1", "payment_method_token": "default", **arguments}
            wanted = TOOLS[tool].arguments.model_fields
            TOOLS[tool].arguments.model_validate({k: v for k, v in parsed.items() if k in wanted or k in arguments})
            answer: dict[str, Any] = getattr(self, tool)(**arguments)
        except Refused as refused:
            return {"error": refused.code, "detail": refused.detail}
        TOOLS[tool].answer.model_validate(answer)
        return answer

    def search_events(
        self, query: str | None = None, date: str | None = None, city: str | None = None, category: str | None = None
    ) -> dict[str, Any]:
        found = []
        for show in self.shows.values():
            names = [show.name, *show.performers, show.venue]
            score = max(fuzz.token_set_ratio(query.lower(), n.lower()) for n in names) if query else 100
            if date:
                first, last = parse_date_range(date)
                if not first <= show.starts_at.date() <= last:
                    continue
            if score < 60 or (city and city.lower() != show.city.lower()):
                continue
            if category and category != show.category:
                continue
            found.append((-score, show.starts_at, show.summary()))
        return {"events": [summary for _, _, summary in sorted(found, key=lambda item: item[:2])]}

    def get_event_info(self, event_id: str) -> dict[str, Any]:
        return self._show(event_id).info()

    def _show(self, event_id: str) -> Show:
        if event_id not in self.shows:
            raise Refused("not_found", "no such event")
        return self.shows[event_id]

    def check_inventory(
        self,
        event_id: str,
        quantity: int,
        section: str | None = None,
        max_price: float | None = None,
        accessible: bool = False,
    ) -> dict[str, Any]:
        free = [
            seat
            for seat in self._show(event_id).seats.values()
            if section in (None, seat.section)
            and (max_price is None or seat.price <= max_price)
            and (not accessible or seat.accessible)
        ]
        together = next(
            (free[at : at + quantity] for at in range(len(free)) if is_run(free[at : at + quantity], quantity)), None
        )
        ordered = [*together, *(seat for seat in free if seat not in together)] if together else free
        return {
            "event_id": event_id,
            "quantity": quantity,
            "adjacent": together is not None,
            "available": len(free),
            "currency": "USD",
            "most_seats": self.most_seats,
            "seats": [seat.model_dump() for seat in ordered[:quantity]],
        }

    def hold_tickets(self, event_id: str, seat_ids: list[str], expires_in_seconds: int = 300) -> dict[str, Any]:
        show = self._show(event_id)
        if any(seat not in show.seats for seat in seat_ids):
            raise Refused("seats_taken", "some of the seats are taken")
        seats = [show.seats.pop(seat) for seat in seat_ids]
        hold = {
            "hold_id": self.new("HOLD"),
            "expires_at": (self.now + timedelta(seconds=expires_in_seconds)).astimezone(UTC).isoformat(),
            "event_id": event_id,
            "seats": [seat.model_dump() for seat in seats],
            "subtotal": sum(seat.price for seat in seats),
            "currency": "USD",
        }
        self.holds[hold["hold_id"]] = hold
        return hold

    def release_hold(self, hold_id: str) -> dict[str, Any]:
        hold = self.holds.pop(hold_id)
        freed = {seat["id"]: SeatOffer(**seat) for seat in hold["seats"]}
        show = self.shows[hold["event_id"]]
        show.seats = {**freed, **show.seats}
        return {"hold_id": hold_id, "status": "released"}

    def create_order(self, hold_id: str) -> dict[str, Any]:
        hold = self.holds.pop(hold_id, None)
        if hold is None or datetime.fromisoformat(hold["expires_at"]) <= self.now:
            raise Refused("hold_expired", "the hold has expired")
        show = self.shows[hold["event_id"]]
        order = self.order_of(show, hold["seats"])
        return {
            "order_id": order["order_id"],
            "status": "confirmed",
            "total": order["total"],
            "currency": "USD",
            "event_id": show.event_id,
            "event_name": show.name,
            "seats": order["seats"],
        }

    def quote(self, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
        hold = self.holds[arguments["hold_id"]]
        total = self.price(hold["seats"])
        return {
            "quote_id": self.new("QUO"),
            "action": action,
            "arguments": arguments,
            "summary": "an order",
            "subtotal": hold["subtotal"],
            "fees": total - hold["subtotal"],
            "total": total,
            "total_minor": to_minor(total, "USD"),
            "currency": "USD",
            "policy": "No refunds within 48 hours.",
            "expires_at": hold["expires_at"],
            "event_id": hold["event_id"],
            "event_name": self.shows[hold["event_id"]].name,
            "seats": hold["seats"],
        }

    def order_of(self, show: Show, seats: list[dict[str, Any]]) -> dict[str, Any]:
        """Puts an order in the books."""
        order = OrderView(
            order_id=self.new("ORD"),
            status="confirmed",
            event_id=show.event_id,
            event_name=show.name,
            starts_at=show.starts_at,
            seats=seats,
            total=self.price(seats),
            currency="USD",
            history=[],
        ).model_dump(mode="json")
        self.orders[order["order_id"]] = order
        return order

    @staticmethod
    def price(seats: list[dict[str, Any]]) -> float:
        return float(sum(seat["price"] for seat in seats)) + 7.5

    def upgrade_tickets(
        self, order_id: str, target_section: str | None = None, max_price_delta: float | None = None
    ) -> dict[str, Any]:
        order = self.get_order(order_id)
        better = [s for s in self.shows[order["event_id"]].seats.values() if s.section == (target_section or "A")]
        seats = [seat.model_dump() for seat in better[: len(order["seats"])]]
        delta = sum(s["price"] for s in seats) - sum(s["price"] for s in order["seats"])
        if not seats or (max_price_delta is not None and delta > max_price_delta):
            raise Refused("no_upgrade", "No better seats are free within that limit.")
        order.update(status="upgraded", seats=seats, total=order["total"] + delta)
        kept = {key: order[key] for key in ("order_id", "status", "total", "currency", "seats")}
        return {**kept, "price_delta": delta}

    def get_order(self, order_id: str) -> dict[str, Any]:
        if order_id not in self.orders:
            raise Refused("not_found", "no such order")
        return self.orders[order_id]

    def list_orders(self) -> dict[str, Any]:
        return {"orders": list(self.orders.values()), "next_cursor": None}

    def refund_order(
        self, order_id: str, seat_ids: list[str] | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        order = self.get_order(order_id)
        kept = [seat for seat in order["seats"] if seat_ids and seat["id"] not in seat_ids]
        back = [seat for seat in order["seats"] if seat not in kept]
        order["status"] = "partially_refunded" if kept else "refunded"
        order["seats"] = kept
        return {
            "order_id": order_id,
            "status": order["status"],
            "refunded": sum(s["price"] for s in back),
            "currency": "USD",
        }

    def open_support_ticket(self, subject: str, details: str, order_id: str | None = None) -> dict[str, Any]:
        self.tickets.append({"subject": subject, "details": details, "order_id": order_id})
        return {"ticket_id": self.new("SUP")}


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
            self._record(tool, arguments, self.office.run(tool, arguments))
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
