"""What customers, the venue and time do to a box office, as data: hypothesis draws it, `Player` plays it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from faults.box_office.processes import Here
from usher_shared.contracts.confirmations import Confirmation
from usher_tools.availability.service import SeatWatch
from usher_tools.cancellations.service import CancellationDesk

Operation = tuple[Any, ...]

EVENTS = ("tonight", "next-week")
SEATS = (*(f"A-{row}-{number}" for row in (1, 2) for number in range(1, 7)), *(f"B-A-{n}" for n in range(1, 5)))
TOKENS = (
    "tok_visa",
    "tok_declined",
    "tok_timeout",
    "tok_timeout_before",
    "tok_capture_timeout",
    "tok_capture_declined",
)
PRICES = (40, 60, 110)  # of section B; A costs 80 or 120


def small_hall(*, price_a: int = 80, price_b: int = 40, cancelled: bool = False) -> dict[str, Any]:
    """Two events in a hall of 12 + 4 seats and 5 places of general admission, everything allowed after the sale."""
    sections = [
        {
            "id": "A",
            "name": "Floor",
            "rows": [{"names": ["1"], "seats": 6, "accessible": [1]}, {"names": ["2"], "seats": 6}],
        },
        {"id": "B", "name": "Balcony", "rows": [{"names": ["A"], "seats": 4}]},
        {"id": "G", "name": "Standing", "capacity": 5},
    ]
    venue = {
        "id": "hall",
        "name": "Union Hall",
        "city": "Chicago",
        "address": "1 Main Street",
        "time_zone": "America/Chicago",
        "sections": sections,
    }
    whats = ("refund", "exchange", "credit", "upgrade")
    common = {
        "category": "concert",
        "performers": ["Neon Harbor"],
        "venue": "hall",
        "currency": "USD",
        "prices": {"A": price_a, "B": price_b, "G": 25},
        "fees": {"per_ticket": 2.5, "percent": 7.5},
        "policies": {what: {"until_hours_before": 1} for what in whats},
    }
    common["policies"]["refund"]["fee_percent"] = 10
    starts = {"tonight": "2026-12-20T19:30", "next-week": "2026-12-27T20:00"}
    events = [{"id": id, "name": f"Neon Harbor, {id}", "starts_at": at, **common} for id, at in starts.items()]
    if cancelled:
        events[1]["status"] = "cancelled"
    return {"venues": [venue], "events": events}


CUSTOMERS = ("ann", "bob", "cy")
who = st.sampled_from(CUSTOMERS)
which = st.integers(0, 7)  # of what there is, counted round
seats = st.lists(st.sampled_from(SEATS), min_size=1, max_size=3, unique=True).map(tuple)
some = st.lists(st.integers(0, 2), min_size=0, max_size=2, unique=True).map(tuple)  # of an order's seats; none: all

event = st.sampled_from(EVENTS)
token = st.sampled_from(("tok_visa",) * 4 + TOKENS)

HOLDING = st.one_of(
    st.tuples(st.just("hold"), who, event, seats, st.sampled_from((30, 300))),
    st.tuples(st.just("hold_best"), who, event, st.integers(1, 4), st.sampled_from((None, "A", "G"))),
    st.tuples(st.just("release"), who, which),
    st.tuples(st.just("wait"), who, st.integers(1, 2)),
)
BUYING = st.one_of(
    st.tuples(st.just("sale"), who, event, seats, token, st.booleans()),
    st.tuples(st.just("buy"), who, which, token, st.booleans()),
    st.tuples(st.just("quote_only"), who, which),
)
CHANGING = st.one_of(
    st.tuples(st.just("upgrade"), who, which, st.sampled_from((None, "A", "B"))),
    st.tuples(st.just("refund"), who, which, some),
    st.tuples(st.just("credit"), who, which, some),
    st.tuples(st.just("exchange"), who, which, event, seats, some),
)
AGAIN = st.one_of(st.tuples(st.just("confirm_late"), which), st.tuples(st.just("repeat"), which))
VENUE = st.one_of(
    st.tuples(st.just("reconcile")),
    st.tuples(st.just("serve_wait_list")),
    st.tuples(st.just("reprice"), st.sampled_from((80, 120)), st.sampled_from(PRICES)),
    st.tuples(st.just("refund_cancelled")),
    st.tuples(st.just("use_method"), who, token),
)
ANY = st.one_of(HOLDING, BUYING, CHANGING, CHANGING, AGAIN)

# every run begins with these sold; the balcony is full tonight
OPENING = (
    ("sale", "ann", "tonight", ("B-A-1", "B-A-2"), "tok_visa", False),
    ("sale", "ann", "next-week", ("A-2-1", "A-2-2", "A-2-3"), "tok_visa", False),
    ("sale", "bob", "tonight", ("B-A-3", "B-A-4"), "tok_visa", False),
)

_EXPECTED = {200, 403, 404, 409, 422}


@dataclass
class Player:
    """Plays operations against a box office and remembers what came of them."""

    office: Here
    holds: list[tuple[str, str]] = field(default_factory=list)
    orders: list[tuple[str, str]] = field(default_factory=list)
    quotes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    yeses: list[tuple[str, dict[str, Any], Confirmation]] = field(default_factory=list)
    cancelled: bool = False

    def __post_init__(self) -> None:
        self.watch = SeatWatch(self.office.app.state.office)

    async def play(self, operation: Operation) -> None:
        name, *given = operation
        await getattr(self, name)(*given)

    async def _tool(self, name: str, arguments: dict[str, Any], customer: str) -> Any:
        """The answer, None when it was refused as it may be."""
        answer = await self.office.tool(name, arguments, customer)
        if answer.status_code not in _EXPECTED:
            raise AssertionError(f"{name} {arguments}: {answer.status_code} {answer.text}")
        return answer.json() if answer.status_code == 200 else None

    def _own(self, customer: str, things: list[tuple[str, str]], number: int) -> str | None:
        mine = [thing for owner, thing in things if owner == customer]
        return mine[number % len(mine)] if mine else None

    async def _quote(self, action: str, arguments: dict[str, Any], customer: str) -> Any:
        quote = await self._tool("quote", {"action": action, "arguments": arguments}, customer)
        if quote is not None:
            self.quotes.append((customer, quote))
        return quote

    async def _act(self, customer: str, quote: dict[str, Any], yes: Confirmation | None = None) -> None:
        yes = yes or self.office.confirm(quote, customer)
        self.yeses.append((customer, quote, yes))
        answer = await self.office.act(quote, customer, yes=yes)
        unknown = answer.status_code == 504 and answer.json()["code"] == "payment_unknown"
        if answer.status_code not in _EXPECTED and not unknown:
            raise AssertionError(f"{quote['action']} {quote['arguments']}: {answer.status_code} {answer.text}")
        if answer.status_code == 200:
            done = answer.json()
            order = (customer, done.get("new_order_id") or done["order_id"])
            if order not in self.orders:
                self.orders.append(order)

    # holding

    async def hold(self, customer: str, event: str, wanted: tuple[str, ...], seconds: int) -> None:
        arguments = {"event_id": event, "seat_ids": list(wanted), "expires_in_seconds": seconds}
        hold = await self._tool("hold_tickets", arguments, customer)
        if hold is not None:
            self.holds.append((customer, hold["hold_id"]))

    async def hold_best(self, customer: str, event: str, quantity: int, section: str | None) -> None:
        wanted = {"event_id": event, "quantity": quantity} | ({"section": section} if section else {})
        found = await self._tool("check_inventory", wanted, customer)
        if found is not None and found["seats"]:
            await self.hold(customer, event, tuple(seat["id"] for seat in found["seats"]), 300)

    async def sale(self, customer: str, event: str, wanted: tuple[str, ...], token: str, use_credit: bool) -> None:
        """Hold and buy in one go."""
        await self.hold(customer, event, wanted, 300)
        await self.buy(customer, -1, token, use_credit)

    async def wait(self, customer: str, quantity: int) -> None:
        """Join the wait list of the balcony, which is sold out at first; while there are seats it is refused."""
        await self._tool("join_wait_list", {"event_id": "tonight", "quantity": quantity, "section": "B"}, customer)

    async def release(self, customer: str, number: int) -> None:
        hold_id = self._own(customer, self.holds, number)
        if hold_id is not None:
            await self._tool("release_hold", {"hold_id": hold_id}, customer)

    # buying

    async def quote_only(self, customer: str, number: int) -> None:
        hold_id = self._own(customer, self.holds, number)
        if hold_id is not None:
            await self._quote("create_order", {"hold_id": hold_id, "payment_method_token": "tok_visa"}, customer)

    async def buy(self, customer: str, number: int, token: str, use_credit: bool) -> None:
        hold_id = self._own(customer, self.holds, number)
        if hold_id is None:
            return
        wanted = {"hold_id": hold_id, "payment_method_token": token, "use_credit": use_credit}
        quote = await self._quote("create_order", wanted, customer)
        if quote is not None:
            await self._act(customer, quote)

    # changing

    async def use_method(self, customer: str, token: str) -> None:
        await self.office.ports.payments.store_method(customer, token)

    async def _change(self, action: str, customer: str, number: int, chosen: tuple[int, ...], **more: Any) -> None:
        order_id = self._own(customer, self.orders, number)
        if order_id is None:
            return
        wanted: dict[str, Any] = {"order_id": order_id, **{k: v for k, v in more.items() if v is not None}}
        if chosen:
            order = await self._tool("get_order", {"order_id": order_id}, customer)
            seats = [seat["id"] for n, seat in enumerate(order["seats"]) if n in chosen]
            if seats:
                wanted["seat_ids"] = seats
        quote = await self._quote(action, wanted, customer)
        if quote is not None:
            await self._act(customer, quote)

    async def upgrade(self, customer: str, number: int, section: str | None) -> None:
        await self._change("upgrade_tickets", customer, number, (), target_section=section)

    async def refund(self, customer: str, number: int, chosen: tuple[int, ...]) -> None:
        await self._change("refund_order", customer, number, chosen)

    async def credit(self, customer: str, number: int, chosen: tuple[int, ...]) -> None:
        await self._change("credit_order", customer, number, chosen)

    async def exchange(
        self, customer: str, number: int, event: str, wanted: tuple[str, ...], chosen: tuple[int, ...]
    ) -> None:
        await self.hold(customer, event, wanted, 300)
        hold_id = self._own(customer, self.holds, -1)
        if hold_id is not None:
            await self._change("exchange_order", customer, number, chosen, hold_id=hold_id)

    # again

    async def confirm_late(self, number: int) -> None:
        """A yes to a quote of some time ago, spent or not."""
        if self.quotes:
            await self._act(*self.quotes[number % len(self.quotes)])

    async def repeat(self, number: int) -> None:
        """The same yes once more."""
        if self.yeses:
            await self._act(*self.yeses[number % len(self.yeses)])

    # venue and time

    async def advance(self, seconds: int) -> None:
        self.office.clock.advance(timedelta(seconds=seconds))

    async def reconcile(self) -> None:
        await self.office.recover()

    async def serve_wait_list(self) -> None:
        """Hold what came free for the next in line; they may buy it, as any hold."""
        await self.watch.look()
        for customer in CUSTOMERS:
            listed = await self._tool("get_wait_list", {"customer_id": customer}, customer)
            offered = [(customer, entry["hold_id"]) for entry in listed["entries"] if entry["hold_id"]]
            self.holds += [hold for hold in offered if hold not in self.holds]

    async def reprice(self, price_a: int, price_b: int) -> None:
        catalogue = small_hall(price_a=price_a, price_b=price_b, cancelled=self.cancelled)
        answer = await self.office.raw("POST", "/catalogue", caller="cli", json=catalogue)
        if answer.status_code not in (200, 409):
            raise AssertionError(answer.text)

    async def cancel_event(self) -> None:
        body = {"reason": "The hall is flooded."}
        answer = await self.office.raw("POST", "/events/next-week/cancel", caller="cli", json=body)
        if answer.status_code != 200:
            raise AssertionError(answer.text)
        self.cancelled = True

    async def refund_cancelled(self) -> None:
        await CancellationDesk(self.office.app.state.office).round()
