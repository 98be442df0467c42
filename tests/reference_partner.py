"""A venue's own ticketing system, written from docs/guides/box-office-partner.md alone: nothing of Usher is imported.

It keeps everything in memory and is correct because nothing is awaited between a look and a change. Tests break it by
overriding a method of `Venue`, or the way its answers come with `Venue.fault`. To look at one:

    PARTNER_KEY=a-key-of-yours python tests/reference_partner.py 9100
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reference_hall import ARGUMENTS, EVENT, FEE, PRICES, PROTECTED, PUBLIC, Hall, Json, Refused, major


class Venue(Hall):
    """`fault` gets each request before its effect, and `late_fault` after it: a response of theirs is what is sent."""

    def __init__(self, key: str, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.key = key
        self.quotes: dict[str, Json] = {}
        self.recorded: dict[tuple[str, str, str], tuple[Json, Json]] = {}
        self.calls: list[tuple[str, str | None]] = []  # tool and Idempotency-Key, as they came
        self.limits: list[str | None] = []  # of searches
        self.fault: Callable[[str], Awaitable[Response | None]] | None = None
        self.late_fault: Callable[[str], Awaitable[Response | None]] | None = None
        routes = [Route("/health", self._health), Route("/tools/{name}", self._tool, methods=["POST"])]
        self.app = Starlette(routes=routes)

    # what an action would do: seats, seats given up, subtotal and fees in minor units, and until when

    def price(self, action: str, a: Json, customer: str) -> tuple[list[str], list[str], int, int, datetime]:
        end = self.now() + timedelta(minutes=10)
        if action == "create_order":
            hold = self.hold(a["hold_id"], customer)
            if hold["status"] != "held":
                raise Refused(409, f"hold_{hold['status']}")
            if not self.is_live(hold):
                raise Refused(409, "hold_expired")
            seats = hold["seats"]
            return seats, [], self._value(seats), FEE * len(seats), min(end, hold["expires"])
        order = self.order(a["order_id"], customer)
        if not order["seats"]:
            raise Refused(409, "order_refunded")
        if action == "refund_order":
            seats = a.get("seat_ids") or order["seats"]
            if not set(seats) <= set(order["seats"]):
                raise Refused(404, "seat_not_found")
            return seats, [], -self._value(seats), -FEE * len(seats), end
        better = self.free("BOX")[: len(order["seats"])]
        if any(seat.startswith("BOX") for seat in order["seats"]) or len(better) < len(order["seats"]):
            raise Refused(409, "no_better_seats")
        return better, order["seats"], self._value(better) - self._value(order["seats"]), 0, end

    def _value(self, seats: list[str]) -> int:
        return sum(PRICES[seat.split("-")[0]] for seat in seats)

    def quote(self, a: Json, customer: str) -> Json:
        action = a["action"]
        if action not in PROTECTED:
            raise Refused(422, "action_not_offered")
        self.check_arguments(action, a["arguments"])
        self.check_customer(a["arguments"], customer)
        seats, previous, subtotal, fees, end = self.price(action, a["arguments"], customer)
        id = f"QUO_{next(self.numbers)}"
        answer = {
            "quote_id": id,
            "action": action,
            "arguments": a["arguments"],
            "summary": f"{action}: {', '.join(seats)}",
            "subtotal": major(subtotal),
            "fees": major(fees),
            "total": major(subtotal + fees),
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
            id = f"ORD_{next(self.numbers)}"
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
        view = {**done, "total": major(order["total"]), "seats": [self.seat(seat) for seat in seats]}
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
            "starts_at": self.summary()["starts_at"],
            "seats": [self.seat(seat) for seat in order["seats"]],
            "total": major(order["total"]),
            "currency": "EUR",
            "history": order["history"],
        }

    def list_orders(self, a: Json, customer: str) -> Json:
        own = [id for id, order in self.orders.items() if order["customer"] == customer]
        return {"orders": [self.get_order({"order_id": id}, customer) for id in reversed(own)], "next_cursor": None}

    # the gate

    def check_arguments(self, tool: str, a: Any) -> None:
        rules = ARGUMENTS[tool]
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
        if tool not in ARGUMENTS:
            raise Refused(404, "unknown_tool")
        if tool in PROTECTED and (confirmation is None or key is None):
            raise Refused(403, "confirmation_required")
        if customer is None and tool not in PUBLIC:
            raise Refused(400, "customer_required")
        self.check_arguments(tool, a)
        owner = customer or ""
        self.check_customer(a, owner)
        scope = (owner, tool, key or "")
        earlier = self.replay(scope, a) if key else None
        if earlier is not None:
            return earlier
        if tool in PROTECTED:
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
        if tool == "search_events":
            limit = request.query_params.get("limit")
            self.limits.append(limit)
            answer = {"events": answer["events"][: int(limit or 100)]}
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


if __name__ == "__main__":
    import uvicorn

    venue = Venue(os.environ["PARTNER_KEY"], lambda: datetime.now(UTC))
    uvicorn.run(venue.app, host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 else 9100)
