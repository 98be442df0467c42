"""The hall of the reference venue: its seats, what is told of them, holds; and which arguments its tools take."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

Json = dict[str, Any]
EVENT = "opera-gala"
FEE = 250
PRICES = {"STALLS": 9000, "BOX": 15000}  # minor units
_ROWS = {"STALLS": [f"{row}" for row in range(1, 9)], "BOX": ["A", "B"]}
_PER_ROW = 16


def _id(value: Any) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 128


def _text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _money(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and value >= 0)


def _seats(value: Any) -> bool:
    return isinstance(value, list) and 1 <= len(value) <= 50 and all(map(_id, value))


# argument: whether it is required, and what it has to be
ARGUMENTS: dict[str, dict[str, tuple[bool, Callable[[Any], bool]]]] = {
    "search_events": dict.fromkeys(("query", "date", "city", "category"), (False, _text)),
    "get_event_info": {"event_id": (True, _id)},
    "check_inventory": {
        "event_id": (True, _id),
        "quantity": (True, lambda v: type(v) is int and 1 <= v <= 50),
        "section": (False, _text),
        "max_price": (False, _money),
        "accessible": (False, lambda v: isinstance(v, bool)),
    },
    "hold_tickets": {
        "event_id": (True, _id),
        "seat_ids": (True, _seats),
        "expires_in_seconds": (False, lambda v: type(v) is int and 30 <= v <= 900),
    },
    "release_hold": {"hold_id": (True, _id)},
    "quote": {"action": (True, _id), "arguments": (True, lambda v: isinstance(v, dict))},
    "create_order": {"hold_id": (True, _id), "customer_id": (True, _id), "payment_method_token": (True, _id)},
    "upgrade_tickets": {"order_id": (True, _id), "target_section": (False, _text), "max_price_delta": (False, _money)},
    "refund_order": {"order_id": (True, _id), "seat_ids": (False, _seats), "reason": (False, _text)},
    "get_order": {"order_id": (True, _id)},
    "list_orders": {"customer_id": (True, _id)},
}
PUBLIC = {"search_events", "get_event_info", "check_inventory"}
PROTECTED = {"create_order", "upgrade_tickets", "refund_order"}


class Refused(Exception):
    def __init__(self, status: int, code: str, **more: Any) -> None:
        super().__init__(code)
        self.status, self.code, self.more = status, code, more


def major(minor: int) -> float:
    return minor / 100


class Hall:
    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.holds: dict[str, Json] = {}
        self.orders: dict[str, Json] = {}
        self.numbers = itertools.count(1)

    # seats

    def seat(self, id: str) -> Json:
        section, row, number = id.split("-")
        return {
            "id": id,
            "price": major(PRICES[section]),
            "section": section,
            "row": row,
            "number": number,
            "accessible": False,
        }

    def all_seats(self) -> list[str]:
        return [f"{s}-{row}-{n}" for s, rows in _ROWS.items() for row in rows for n in range(1, _PER_ROW + 1)]

    def is_live(self, hold: Json) -> bool:
        return bool(hold["status"] == "held" and hold["expires"] > self.now())

    def taken(self) -> set[str]:
        held = {seat for hold in self.holds.values() if self.is_live(hold) for seat in hold["seats"]}
        return held | {seat for order in self.orders.values() for seat in order["seats"]}

    def free(self, section: str | None = None) -> list[str]:
        taken = self.taken()
        return [id for id in self.all_seats() if id not in taken and section in (None, id.split("-")[0])]

    # reading

    def summary(self) -> Json:
        return {
            "event_id": EVENT,
            "name": "Opera Gala",
            "category": "opera",
            "venue": "Old Opera",
            "city": "Wien",
            "starts_at": "2026-12-01T19:30:00+01:00",
            "local_start": "Tue 1 Dec 2026, 19:30",
            "time_zone": "Europe/Vienna",
            "currency": "EUR",
            "price_from": major(min(PRICES.values())),
            "available": len(self.free()),
            "status": "on_sale",
        }

    def _known(self, event_id: str) -> None:
        if event_id != EVENT:
            raise Refused(404, "event_not_found")

    def search_events(self, a: Json, customer: str) -> Json:
        fits = (a.get("query") or "").lower() in "opera gala old opera"
        return {"events": [self.summary()] if fits else []}

    def get_event_info(self, a: Json, customer: str) -> Json:
        self._known(a["event_id"])
        sections = [
            {
                "section": name,
                "name": name.title(),
                "price": {"min": major(price), "max": major(price)},
                "available": len(self.free(name)),
                "capacity": len(_ROWS[name]) * _PER_ROW,
            }
            for name, price in PRICES.items()
        ]
        hall = {"venue_id": "opera", "name": "Old Opera", "city": "Wien", "address": "Ring 1", "time_zone": "UTC"}
        return {**self.summary(), "venue_info": hall, "sections": sections, "policies": {"refund": "Any time."}}

    def check_inventory(self, a: Json, customer: str) -> Json:
        self._known(a["event_id"])
        section, quantity = a.get("section"), a["quantity"]
        if section is not None and section not in PRICES:
            raise Refused(404, "section_not_found")
        most = a.get("max_price")
        free = [s for s in self.free(section) if most is None or self.seat(s)["price"] <= most]
        runs = (free[i : i + quantity] for i in range(len(free)))
        found = next((run for run in runs if len(run) == quantity and self._is_run(run)), None)
        seats = found or free[:quantity]
        return {
            "event_id": EVENT,
            "quantity": quantity,
            "adjacent": found is not None,
            "available": len(free),
            "currency": "EUR",
            "seats": [self.seat(seat) for seat in seats],
        }

    def _is_run(self, seats: list[str]) -> bool:
        numbers = [int(seat.split("-")[2]) for seat in seats]
        one_row = len({seat.rsplit("-", 1)[0] for seat in seats}) == 1
        return one_row and numbers == list(range(numbers[0], numbers[0] + len(seats)))

    # holds

    def hold_tickets(self, a: Json, customer: str) -> Json:
        self._known(a["event_id"])
        seats, taken = a["seat_ids"], self.taken()
        if not set(seats) <= set(self.all_seats()):
            raise Refused(404, "seat_not_found")
        lost = [seat for seat in seats if seat in taken]
        if lost:
            raise Refused(409, "seats_taken", seat_ids=lost)
        expires = self.now() + timedelta(seconds=a.get("expires_in_seconds", 300))
        id = f"HOLD_{next(self.numbers)}"
        self.holds[id] = {"customer": customer, "seats": seats, "expires": expires, "status": "held"}
        return {
            "hold_id": id,
            "expires_at": expires.isoformat(),
            "event_id": EVENT,
            "seats": [self.seat(seat) for seat in seats],
            "subtotal": sum(self.seat(seat)["price"] for seat in seats),
            "currency": "EUR",
        }

    def hold(self, id: str, customer: str) -> Json:
        hold = self.holds.get(id)
        if hold is None or hold["customer"] != customer:
            raise Refused(404, "hold_not_found")
        return hold

    def release_hold(self, a: Json, customer: str) -> Json:
        hold = self.hold(a["hold_id"], customer)
        if hold["status"] == "sold":
            raise Refused(409, "hold_sold")
        hold["status"] = "released"
        return {"hold_id": a["hold_id"], "status": "released"}
