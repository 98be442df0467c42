"""A scripted box office: in memory, with the answers and refusals of the real one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from rapidfuzz import fuzz

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
        self.credit = 0.0  # the customer's store credit
        self.waiting: dict[str, dict[str, Any]] = {}  # entries of the wait list
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
        if hold_id not in self.holds:
            raise Refused("hold_not_found", f"there is no hold {hold_id}")
        hold = self.holds.pop(hold_id)
        for entry in self.waiting.values():
            if entry.get("hold_id") == hold_id:
                entry["status"] = "lapsed"
        freed = {seat["id"]: SeatOffer(**seat) for seat in hold["seats"]}
        show = self.shows[hold["event_id"]]
        show.seats = {**freed, **show.seats}
        return {"hold_id": hold_id, "status": "released"}

    def create_order(self, hold_id: str, use_credit: bool | None = None) -> dict[str, Any]:
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

    def exchange_order(
        self, order_id: str, hold_id: str, seat_ids: list[str] | None = None, use_credit: bool | None = None
    ) -> dict[str, Any]:
        order, hold = self.get_order(order_id), self.holds.pop(hold_id, None)
        if hold is None or datetime.fromisoformat(hold["expires_at"]) <= self.now:
            raise Refused("hold_expired", "the hold has expired")
        value = self._take_back(order, seat_ids, "exchanged")
        show = self.shows[hold["event_id"]]
        new = self.order_of(show, hold["seats"])
        due = new["total"] - value
        return {
            "order_id": order_id,
            "status": order["status"],
            "new_order_id": new["order_id"],
            "value": value,
            "total": new["total"],
            "charged": max(due, 0.0),
            "credit": 0.0,
            "refunded": max(-due, 0.0),
            "currency": "USD",
            "event_id": show.event_id,
            "event_name": show.name,
            "seats": new["seats"],
        }

    def credit_order(
        self, order_id: str, seat_ids: list[str] | None = None, reason: str | None = None
    ) -> dict[str, Any]:
        order = self.get_order(order_id)
        value = self._take_back(order, seat_ids, "credited")
        self.credit += value
        return {
            "order_id": order_id,
            "status": order["status"],
            "credited": value,
            "balance": self.credit,
            "currency": "USD",
        }

    def _take_back(self, order: dict[str, Any], seat_ids: list[str] | None, status: str) -> float:
        """The order gives up its seats, or those; returns what they cost."""
        kept = [seat for seat in order["seats"] if seat_ids and seat["id"] not in seat_ids]
        back = [seat for seat in order["seats"] if seat not in kept]
        order["status"] = f"partially_{status}" if kept else status
        order["seats"] = kept
        show = self.shows[order["event_id"]]
        show.seats |= {seat["id"]: SeatOffer(**seat) for seat in back}
        return float(sum(seat["price"] for seat in back))

    def get_credit(self) -> dict[str, Any]:
        return {"credits": [{"currency": "USD", "balance": self.credit}] if self.credit else []}

    def join_wait_list(
        self,
        event_id: str,
        quantity: int,
        section: str | None = None,
        max_price: float | None = None,
        accessible: bool = False,
    ) -> dict[str, Any]:
        free = self.check_inventory(event_id, quantity, section, max_price, accessible)["seats"]
        if len(free) >= quantity:
            raise Refused("seats_available", "such seats are free now: hold them instead of waiting")
        same = [e for e in self.waiting.values() if e["event_id"] == event_id and e["status"] == "waiting"]
        entry = same[0] if same else {"entry_id": self.new("WL"), "status": "waiting", "position": 3}
        entry |= {
            "event_id": event_id,
            "event_name": self.shows[event_id].name,
            "quantity": quantity,
            "section": section,
            "max_price": max_price,
            "accessible": accessible,
            "joined_at": self.now.isoformat(),
        }
        self.waiting[entry["entry_id"]] = entry
        return entry

    def offer_entry(self, entry_id: str, seats: dict[str, SeatOffer]) -> str:
        """Seats come free and are held for the entry; returns the hold's id."""
        entry = self.waiting[entry_id]
        self.shows[entry["event_id"]].seats |= seats
        hold = self.hold_tickets(entry["event_id"], list(seats), 900)
        entry |= {"status": "offered", "position": None, "hold_id": hold["hold_id"], "seat_ids": list(seats)}
        entry["expires_at"] = hold["expires_at"]
        return str(hold["hold_id"])

    def get_wait_list(self) -> dict[str, Any]:
        return {"entries": [e for e in self.waiting.values() if e["status"] in ("waiting", "offered")]}

    def leave_wait_list(self, entry_id: str) -> dict[str, Any]:
        if entry_id not in self.waiting:
            raise Refused("entry_not_found", f"there is no wait list entry {entry_id}")
        entry = self.waiting[entry_id]
        if entry["status"] == "waiting":
            entry |= {"status": "left", "position": None}
        return entry
