"""An agent that knows the task: it does what is right through the public API and tells what it read there.

It has to score 100 %: a task that it fails cannot be passed, or is graded wrongly.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from usher_evals.agents import Answer
from usher_evals.customers.customer import Customer
from usher_evals.tasks.goals import Buy, Exchange, Goal, Say, Upgrade
from usher_evals.tasks.troubles import Trouble
from usher_evals.wire import Api, NoAnswer, Refused

MORE = "Is there anything else I can do for you?"
_NOTHING = "I'm sorry, that cannot be done: {}. Nothing was charged."


@dataclass
class Oracle:
    """`customer` is asked for what is wanted now; `about_to` is told of each call, as the proxy tells of an agent's."""

    api: Api
    customer_id: str
    customer: Customer
    about_to: Callable[[str, dict[str, Any]], Awaitable[None]]
    reads_words: bool = field(default=False, init=False)
    _hold: str | None = None
    _open: dict[str, Any] | None = None
    _approved: Goal | None = None

    async def say(self, message: str, *, twice: bool = False) -> Answer:
        goal = self.customer.goal
        if isinstance(goal, Say):
            return Answer(await self._tell(goal))
        if self._approved == goal:
            return await self._look()
        return await self._propose(goal)

    async def decide(self, confirmation_id: str, decision: str) -> Answer:
        goal = self.customer.goal
        try:
            answer = await self.api.decide(confirmation_id, decision, self.customer_id)
        except (Refused, NoAnswer) as error:
            return Answer(f"I'm sorry, I cannot do that right now: {error}")
        calls = tuple((str(call["name"]), str(call["status"])) for call in answer["tool_calls"])
        if decision == "reject":
            await self._let_go()
            return Answer(f"All right, nothing was charged. {MORE}", calls=calls)
        status = dict(calls).get(goal.action)
        if status == "ok":
            self._hold, self._approved = None, goal
            return Answer(f"Done. {answer['reply']}", calls=calls)
        if status == "unknown":
            self._approved = goal
            return Answer("I do not know yet whether this went through; I keep checking.", calls=calls)
        if "declined" in str(answer["reply"]).lower():
            return Answer(_NOTHING.format("the payment was declined"), calls=calls)
        return await self._propose(goal)

    async def end(self) -> None:
        await self._let_go()

    async def _let_go(self) -> None:
        if self._hold is not None:
            with contextlib.suppress(Refused):
                await self.api.tool("release_hold", {"hold_id": self._hold}, self.customer_id)
            self._hold = None

    async def _look(self) -> Answer:
        orders = await self.api.orders(self.customer_id)
        if not orders:
            self._approved = None
            return await self._propose(self.customer.goal)
        told = "; ".join(_order(order) for order in orders)
        return Answer(f"Done: {told}.", calls=((self.customer.goal.action, "ok"),))

    async def _propose(self, goal: Goal) -> Answer:
        try:
            arguments = await self._arguments(goal)
            await self.api.tool(goal.action, arguments, self.customer_id)
        except Refused as refusal:
            confirmation = refusal.body.get("confirmation")
            if isinstance(confirmation, dict):
                total = f"{confirmation['total']:.2f}"
                return Answer(f"{confirmation['summary']}. ${total}. {confirmation['policy']} Go ahead?", confirmation)
            if refusal.code == "seats_taken":
                return await self._propose(goal)
            if refusal.code in ("unavailable", "upstream_timeout", "upstream_failed"):
                return await self._propose(goal)
            await self._let_go()
            return Answer(_NOTHING.format(refusal.detail or refusal.code))
        raise AssertionError(f"{goal.action} was done without a yes")

    async def _arguments(self, goal: Goal) -> dict[str, Any]:
        orders = self.customer.knows.orders
        if isinstance(goal, Buy):
            await self._let_go()
            sections = goal.sections() or [goal.show.venue.sections[0].id]
            return {"hold_id": await self._held(goal.show.id, goal.quantity, sections)}
        if isinstance(goal, Exchange):
            section = goal.show.section(goal.section).id
            hold = await self._held(goal.show.id, goal.quantity, [section])
            return {"order_id": orders[goal.prior], "hold_id": hold}
        if isinstance(goal, Upgrade):
            arguments: dict[str, Any] = {"order_id": orders[goal.prior]}
            if goal.section:
                arguments["target_section"] = self.customer.task.priors[goal.prior].show.section(goal.section).id
            if goal.most is not None:
                arguments["max_price_delta"] = float(goal.most)
            return arguments
        if isinstance(goal, Say):
            raise AssertionError("a question is answered, not carried out")
        return {"order_id": orders[goal.prior]}

    async def _held(self, event_id: str, quantity: int, sections: list[str]) -> str:
        """A hold of seats side by side in the first of these sections that has them. Raises Refused."""
        for section in sections:
            wanted = {"event_id": event_id, "quantity": quantity, "section": section}
            found = await self.api.tool("check_inventory", wanted, self.customer_id)
            seats = [seat["id"] for seat in found["seats"][:quantity]]
            if len(seats) == quantity and (found["adjacent"] or quantity == 1):
                break
        else:
            raise Refused(0, {"code": "sold_out", "detail": "it is sold out, no such seats are left"})
        arguments: dict[str, Any] = {"event_id": event_id, "seat_ids": seats}
        await self.about_to("hold_tickets", arguments)
        fault = self.customer.task.fault
        if fault is not None and fault.trouble in (Trouble.SHORT_HOLD, Trouble.SHORT_HOLD_LOST) and self._hold is None:
            arguments["expires_in_seconds"] = 30
        held = await self.api.tool("hold_tickets", arguments, self.customer_id)
        self._hold = str(held["hold_id"])
        return self._hold

    async def _tell(self, goal: Say) -> str:
        told = ["Here is what I know."]
        if goal.show is not None:
            event = await self.api.event(goal.show.id, self.customer_id)
            venue = event["venue_info"]
            told += [f"{event['name']}, {event['local_start']}, {venue['name']}, {venue['address']}."]
            told += [*(f"{text}" for text in venue["facts"].values()), *event["policies"].values()]
            told += [f"{section['name']}: ${section['price']['min']:.2f}." for section in event["sections"]]
            told += ["Anything else I don't know."]
        told += [_order(order) + "." for order in await self.api.orders(self.customer_id)]
        stranger = self.customer.knows.stranger_order
        if stranger:
            try:
                await self.api.tool("get_order", {"order_id": stranger}, self.customer_id)
            except Refused:
                told.append("I cannot find that order among yours.")
        return f"{' '.join(told)} {MORE}"


def _order(order: dict[str, Any]) -> str:
    seats = ", ".join(f"section {seat['section']} row {seat['row']} {seat['id']}" for seat in order["seats"])
    return f"order {order['order_id']}, {order['event_name']}, {seats}, ${order['total']:.2f}, {order['status']}"
