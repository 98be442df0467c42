"""A venue's own ticketing system, written from docs/guides/box-office-partner.md alone: nothing of Usher is imported.

It keeps everything in memory and is correct because nothing is awaited between a look and a change. Tests break it by
overriding a method of `Venue`, or the way its answers come with `Venue.fault`.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Json = dict[str, Any]
EVENT = "opera-gala"
_FEE = 250
_PRICES = {"STALLS": 9000, "BOX": 15000}  # minor units
_ROWS = {"STALLS": [f"{row}" for row in range(1, 9)], "BOX": ["A", "B"]}
_PER_ROW = 16
# argument: whether it is required, and what it has to be
_ID = lambda v: isinstance(v, str) and 1 <= len(v) <= 128  # noqa: E731
_TEXT = lambda v: v is None or isinstance(v, str)  # noqa: E731
_MONEY = lambda v: v is None or (isinstance(v, int | float) and v >= 0)  # noqa: E731
_SEATS = lambda v: isinstance(v, list) and 1 <= len(v) <= 50 and all(map(_ID, v))  # noqa: E731
_ARGUMENTS: dict[str, dict[str, tuple[bool, Callable[[Any], bool]]]] = {
    "search_events": dict.fromkeys(("query", "date", "city", "category"), (False, _TEXT)),
    "get_event_info": {"event_id": (True, _ID)},
    "check_inventory": {
        "event_id": (True, _ID),
        "quantity": (True, lambda v: type(v) is int and 1 <= v <= 50),
        "section": (False, _TEXT),
        "max_price": (False, _MONEY),
        "accessible": (False, lambda v: isinstance(v, bool)),
    },
    "hold_tickets": {
        "event_id": (True, _ID),
        "seat_ids": (True, _SEATS),
        "expires_in_seconds": (False, lambda v: type(v) is int and 30 <= v <= 900),
    },
    "release_hold": {"hold_id": (True, _ID)},
    "quote": {"action": (True, _ID), "arguments": (True, lambda v: isinstance(v, dict))},
    "create_order": {"hold_id": (True, _ID), "customer_id": (True, _ID), "payment_method_token": (True, _ID)},
    "upgrade_tickets": {"order_id": (True, _ID), "target_section": (False, _TEXT), "max_price_delta": (False, _MONEY)},
    "refund_order": {"order_id": (True, _ID), "seat_ids": (False, _SEATS), "reason": (False, _TEXT)},
    "get_order": {"order_id": (True, _ID)},
    "list_orders": {"customer_id": (True, _ID)},
}
_PUBLIC = {"search_events", "get_event_info", "check_inventory"}
_PROTECTED = {"create_order", "upgrade_tickets", "refund_order"}


class Refused(Exception):
    def __init__(self, status: int, code: str, **more: Any) -> None:
        super().__init__(code)
        self.status, self.code, self.more = status, code, more


def _major(minor: int) -> float:
    return minor / 100


class Venue:
    """`fault` gets each request before its effect, and `late_fault` after it: a response of theirs is what is sent."""

    def __init__(self, key: str, now: Callable[[], datetime]) -> None:
        self.key, self.now = key, now
        self.holds: dict[str, Json] = {}
        self.orders: dict[str, Json] = {}
        self.quotes: dict[str, Json] = {}
        self.recorded: dict[tuple[str, str, str], tuple[Json, Json]] = {}
        self.calls: list[tuple[str, str | None]] = []  # tool and Idempotency-Key, as they came
        self.fault: Callable[[str], Awaitable[Response | None]] | None = None
        self.late_fault: Callable[[str], Awaitable[Response | None]] | None = None
        self._numbers = itertools.count(1)
        routes = [Route("/health", self._health), Route("/tools/{name}", self._tool, methods=["POST"])]
        self.app = Starlette(routes=routes)

    # seats

    def seat(self, id: str) -> Json:
        section, row, number = id.split("-")
        return {
            "id": id,
            "price": _major(_PRICES[section]),
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

    def _free(self, section: str | None = None) -> list[str]:
        taken = self.taken()
        return [id for id in self.all_seats() if id not in taken and section in (None, id.split("-")[0])]

    # reading

    def _summary(self) -> Json:
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
            "price_from": _major(min(_PRICES.values())),
            "available": len(self._free()),
            "status": "on_sale",
        }

    def _known(self, event_id: str) -> None:
        if event_id != EVENT:
            raise Refused(404, "event_not_found")

    def search_events(self, a: Json, customer: str) -> Json:
        fits = (a.get("query") or "").lower() in "opera gala old opera"
        return {"events": [self._summary()] if fits else []}

    def get_event_info(self, a: Json, customer: str) -> Json:
        self._known(a["event_id"])
        sections = [
            {
                "section": name,
                "name": name.title(),
                "price": {"min": _major(price), "max": _major(price)},
                "available": len(self._free(name)),
                "capacity": len(_ROWS[name]) * _PER_ROW,
            }
            for name, price in _PRICES.items()
        ]
        hall = {"venue_id": "opera", "name": "Old Opera", "city": "Wien", "address": "Ring 1", "time_zone": "UTC"}
        return {**self._summary(), "venue_info": hall, "sections": sections, "policies": {"refund": "Any time."}}

    def check_inventory(self, a: Json, customer: str) -> Json:
        self._known(a["event_id"])
        section, quantity = a.get("section"), a["quantity"]
        if section is not None and section not in _PRICES:
            raise Refused(404, "section_not_found")
        most = a.get("max_price")
        free = [s for s in self._free(section) if most is None or self.seat(s)["price"] <= most]
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
        id = f"HOLD_{next(self._numbers)}"
        self.holds[id] = {"customer": customer, "seats": seats, "expires": expires, "status": "held"}
        return {
            "hold_id": id,
            "expires_at": expires.isoformat(),
            "event_id": EVENT,
            "seats": [self.seat(seat) for seat in seats],
            "subtotal": sum(self.seat(seat)["price"] for seat in seats),
            "currency": "EUR",
        }

    def _hold(self, id: str, customer: str) -> Json:
        hold = self.holds.get(id)
        if hold is None or hold["customer"] != customer:
            raise Refused(404, "hold_not_found")
        return hold

    def release_hold(self, a: Json, customer: str) -> Json:
        hold = self._hold(a["hold_id"], customer)
        if hold["status"] == "sold":
            raise Refused(409, "hold_sold")
        hold["status"] = "released"
        return {"hold_id": a["hold_id"], "status": "released"}

    # what an action would do: seats, seats given up, subtotal and fees in minor units, and until when

    def price(self, action: str, a: Json, customer: str) -> tuple[list[str], list[str], int, int, datetime]:
        end = self.now() + timedelta(minutes=10)
        if action == "create_order":
            hold = self._hold(a["hold_id"], customer)
            if hold["status"] != "held":
                raise Refused(409, f"hold_{hold['status']}")
            if not self.is_live(hold):
                raise Refused(409, "hold_expired")
            seats = hold["seats"]
            return seats, [], self._value(seats), _FEE * len(seats), min(end, hold["expires"])
        order = self.order(a["order_id"], customer)
        if not order["seats"]:
            raise Refused(409, "order_refunded")
        if action == "refund_order":
            seats = a.get("seat_ids") or order["seats"]
            if not set(seats) <= set(order["seats"]):
                raise Refused(404, "seat_not_found")
            return seats, [], -self._value(seats), -_FEE * len(seats), end
        better = self._free("BOX")[: len(order["seats"])]
        if any(seat.startswith("BOX") for seat in order["seats"]) or len(better) < len(order["seats"]):
            raise Refused(409, "no_better_seats")
        return better, order["seats"], self._value(better) - self._value(order["seats"]), 0, end

    def _value(self, seats: list[str]) -> int:
        return sum(_PRICES[seat.split("-")[0]] for seat in seats)

    def quote(self, a: Json, customer: str) -> Json:
        action = a["action"]
        if action not in _PROTECTED:
            raise Refused(422, "action_not_offered")
        self.check_arguments(action, a["arguments"])
        self.check_customer(a["arguments"], customer)
        seats, previous, subtotal, fees, end = self.price(action, a["arguments"], customer)
        id = f"QUO_{next(self._numbers)}"
        answer = {
            "quote_id": id,
            "action": action,
            "arguments": a["arguments"],
            "summary": f"{action}: {', '.join(seats)}",
            "subtotal": _major(subtotal),
            "fees": _major(fees),
            "total": _major(subtotal + fees),
            "total_minor": subtotal + fees,
            "currency": "EUR",
            "policy": "Any time.",
            "expires_at": end.isoformat(),
            "event_id": EVENT,
            "event_name": "Opera Gala",
            "seats": [self.seat(seat) for seat in seats],
            "previous_seats": [self.seat(seat) for seat in previous],
        }
        self.quotes[id] = {**answer, "customer": customer, "expires": end, "moved_to": seats}
        return answer

    # acting

    def check_confirmation(self, action: str, a: Json, customer: str, yes: Json) -> Json:
        quote = self.quotes.get(yes["quote_id"])
        agreed = quote and (quote["total_minor"], quote["currency"]) == (yes["total_minor"], yes["currency"])
        if quote is None or not agreed or quote["customer"] != customer or yes["customer_id"] != customer:
            raise Refused(403, "confirmation_required")
        if quote["action"] != action or quote["arguments"] != a:
            raise Refused(403, "confirmation_required")
        if quote["expires"] <= self.now():
            raise Refused(409, "quote_expired")
        return quote

    def act(self, action: str, a: Json, customer: str, quote: Json) -> Json:
        seats, _, subtotal, fees, _ = self.price(action, a, customer)
        if action != "upgrade_tickets" and subtotal + fees != quote["total_minor"]:
            raise Refused(409, "price_changed")
        if action == "create_order":
            id = f"ORD_{next(self._numbers)}"
            self.holds[a["hold_id"]]["status"] = "sold"
            self.orders[id] = {"customer": customer, "seats": seats, "total": 0, "status": "confirmed", "history": []}
        else:
            id = a["order_id"]
        order = self.orders[id]
        if action == "upgrade_tickets":
            seats = quote["moved_to"]
            if set(seats) & self.taken():
                raise Refused(409, "seats_taken")
            order["seats"], order["status"] = seats, "upgraded"
        if action == "refund_order":
            order["seats"] = [seat for seat in order["seats"] if seat not in seats]
            order["status"] = "partially_refunded" if order["seats"] else "refunded"
        order["total"] += quote["total_minor"]
        entry = {"at": self.now().isoformat(), "change": quote["summary"], "amount": quote["total"]}
        order["history"].append(entry)
        done = {"order_id": id, "status": order["status"], "currency": "EUR"}
        if action == "refund_order":
            return {**done, "refunded": -quote["total"]}
        view = {**done, "total": _major(order["total"]), "seats": [self.seat(seat) for seat in seats]}
        if action == "upgrade_tickets":
            return {**view, "price_delta": quote["total"]}
        return {**view, "event_id": EVENT, "event_name": "Opera Gala"}

    def order(self, id: str, customer: str) -> Json:
        order = self.orders.get(id)
        if order is None or order["customer"] != customer:
            raise Refused(404, "order_not_found")
        return order

    def get_order(self, a: Json, customer: str) -> Json:
        order = self.order(a["order_id"], customer)
        return {
            "order_id": a["order_id"],
            "status": order["status"],
            "event_id": EVENT,
            "event_name": "Opera Gala",
            "starts_at": self._summary()["starts_at"],
            "seats": [self.seat(seat) for seat in order["seats"]],
            "total": _major(order["total"]),
            "currency": "EUR",
            "history": order["history"],
        }

    def list_orders(self, a: Json, customer: str) -> Json:
        own = [id for id, order in self.orders.items() if order["customer"] == customer]
        return {"orders": [self.get_order({"order_id": id}, customer) for id in reversed(own)], "next_cursor": None}

    # the gate

    def check_arguments(self, tool: str, a: Any) -> None:
        rules = _ARGUMENTS[tool]
        wrong = ["body"] if not isinstance(a, dict) else [name for name in a if name not in rules]
        if isinstance(a, dict):
            for name, (required, fits) in rules.items():
                if (required and name not in a) or (name in a and not fits(a[name])):
                    wrong.append(name)
        if wrong:
            raise Refused(422, "validation_failed", errors=[{"field": name, "message": "not valid"} for name in wrong])

    def check_customer(self, a: Json, customer: str) -> None:
        if a.get("customer_id", customer) != customer:
            raise Refused(403, "wrong_customer")

    def replay(self, scope: tuple[str, str, str], a: Json) -> Json | None:
        """What was recorded under the key, which was not to be used with other arguments."""
        if scope not in self.recorded:
            return None
        arguments, answer = self.recorded[scope]
        if arguments != a:
            raise Refused(422, "idempotency_key_reused")
        return answer

    def run(self, tool: str, a: Any, customer: str | None, key: str | None, confirmation: str | None) -> Json:
        if tool not in _ARGUMENTS:
            raise Refused(404, "unknown_tool")
        if tool in _PROTECTED and (confirmation is None or key is None):
            raise Refused(403, "confirmation_required")
        if customer is None and tool not in _PUBLIC:
            raise Refused(400, "customer_required")
        self.check_arguments(tool, a)
        owner = customer or ""
        self.check_customer(a, owner)
        scope = (owner, tool, key or "")
        earlier = self.replay(scope, a) if key else None
        if earlier is not None:
            return earlier
        if tool in _PROTECTED:
            yes = json.loads(base64.urlsafe_b64decode(confirmation or ""))
            answer = self.act(tool, a, owner, self.check_confirmation(tool, a, owner, yes))
        else:
            answer = getattr(self, tool)(a, owner)
        if key:
            self.recorded[scope] = (a, answer)
        return answer  # type: ignore[no-any-return]

    async def _health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _tool(self, request: Request) -> Response:
        tool, key = request.path_params["name"], request.headers.get("idempotency-key")
        self.calls.append((tool, key))
        early = await self.fault(tool) if self.fault else None
        if early is not None:
            return early
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return problem(Refused(401, "unauthenticated"))
        body = await request.body()
        try:
            arguments = json.loads(body)
        except ValueError:
            return problem(Refused(400, "invalid_request"))
        headers = request.headers
        try:
            answer = self.run(tool, arguments, headers.get("usher-customer"), key, headers.get("usher-confirmation"))
        except Refused as error:
            return problem(error)
        limit = request.query_params.get("limit")
        if limit and tool == "search_events":
            answer = {"events": answer["events"][: int(limit)]}
        late = await self.late_fault(tool) if self.late_fault else None
        return late or JSONResponse(answer)


def problem(error: Refused) -> Response:
    body = {
        "type": "about:blank",
        "title": error.code,
        "status": error.status,
        "detail": error.code.replace("_", " "),
        "code": error.code,
        **error.more,
    }
    return JSONResponse(body, error.status, media_type="application/problem+json")
