"""A server that speaks the part of Stripe's API which the adapter uses, as Stripe documents it, and can fail on demand.

Built from https://docs.stripe.com/api (PaymentIntents, Refunds, Customers, errors, idempotent requests),
https://docs.stripe.com/error-low-level and the changelog of the pinned version. It is strict: another version, an
unknown parameter or a malformed amount is refused, and idempotency keys are compared, replayed and refused.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

KEY = "sk_test_stand_in"
VERSION = "2026-10-28.endive"
Fault = Literal["lost_before", "lost_after", "error_before", "error_after", "busy"]
_KNOWN = {
    "authorise": "amount currency customer payment_method allowed_payment_method_types capture_method confirm "
    "off_session metadata",
    "capture": "",
    "cancel": "",
    "refund": "payment_intent amount metadata",
    "create_customer": "metadata",
    "update_customer": "metadata",
}
_MULTIPLES = {"isk": 100, "ugx": 100, "bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10}


class Refusal(Exception):
    """An answer with an error; `saved` as Stripe saves what an endpoint began to execute."""

    def __init__(self, status: int, type: str, code: str | None, message: str, *, saved: bool = True, **more: Any):
        super().__init__(message)
        error = {"type": type, "code": code, "message": message, **more}
        self.status, self.body, self.saved = status, {"error": {k: v for k, v in error.items() if v}}, saved


def _invalid(code: str, message: str, param: str | None = None, *, saved: bool = True, status: int = 400) -> Refusal:
    return Refusal(status, "invalid_request_error", code, message, saved=saved, param=param)


@dataclass
class Saved:
    request: tuple[str, tuple[tuple[str, str], ...]]
    answer: tuple[int, dict[str, Any]] | None = None


def _nested(flat: dict[str, str]) -> dict[str, Any]:
    """`metadata[a]=b` and `list[0]=c` as Stripe reads forms."""
    found: dict[str, Any] = {}
    for name, value in flat.items():
        match = re.fullmatch(r"(\w+)\[(\w+)\]", name)
        if match is None:
            found[name] = value
        elif match[2].isdigit():
            found.setdefault(match[1], []).append(value)
        else:
            found.setdefault(match[1], {})[match[2]] = value
    return found


@dataclass
class StripeStandIn:
    """`methods` maps a payment method to the customer it is attached to, or None."""

    page_size: int = 100
    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    methods: dict[str, str | None] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, Saved] = field(default_factory=dict)
    faults: list[tuple[str, Fault]] = field(default_factory=list)
    refuse_captures: bool = False
    refuse_refunds: bool = False
    down: bool = False
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None
    at_gate: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""
    now: Callable[[], float] = time.time
    _numbers: int = 0

    def fail(self, operation: str, *faults: Fault) -> None:
        """The next calls of the operation fail so, one after the other."""
        self.faults += [(operation, fault) for fault in faults]

    def _next_fault(self, operation: str) -> Fault | None:
        for place, (name, fault) in enumerate(self.faults):
            if name == operation:
                del self.faults[place]
                return fault
        return None

    def _id(self, prefix: str) -> str:
        self._numbers += 1
        return f"{prefix}_{self._numbers:06}"

    # --- the door

    async def open(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return self._drop(request)
        try:
            if request.headers.get("Authorization") != f"Bearer {KEY}":
                raise Refusal(401, "invalid_request_error", None, "Invalid API Key provided")
            if request.headers.get("Stripe-Version") != VERSION:
                raise _invalid("stripe_version", "not the pinned version")
            if request.method == "GET":
                return web.json_response(self._read(request.path, dict(request.query)))
            return await self._write(request)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)

    def _drop(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def _write(self, request: web.Request) -> web.StreamResponse:
        operation, target = self._operation(request.path)
        self.asked.append(operation)
        fault = self._next_fault(operation)
        if fault == "lost_before":
            return self._drop(request)
        if fault == "busy":  # the limiter stands before the idempotency layer
            raise Refusal(429, "invalid_request_error", "rate_limit", "Too many requests", saved=False)
        form = {name: str(value) for name, value in (await request.post()).items()}
        key = request.headers["Idempotency-Key"]
        saved = self.keys.get(key)
        wanted = (request.path, tuple(sorted(form.items())))
        if saved is not None:
            return self._again(saved, wanted, key)
        params = _nested(form)
        self._validate(operation, params)
        self.keys[key] = saved = Saved(wanted)
        if self.gate is not None and operation == "authorise":
            self.at_gate.set()
            await self.gate.wait()
        if fault == "error_before":
            status, body = 500, {"error": {"type": "api_error", "message": "An error occurred"}}
        else:
            try:
                status, body = 200, self._execute(operation, target, params)
            except Refusal as refusal:
                status, body = refusal.status, refusal.body
                if not refusal.saved:
                    del self.keys[key]
        if fault == "error_after":
            status, body = 500, {"error": {"type": "api_error", "message": "An error occurred"}}
        saved.answer = (status, body)
        if fault == "lost_after":
            return self._drop(request)
        return web.json_response(body, status=status)

    def _again(self, saved: Saved, wanted: tuple[str, Any], key: str) -> web.StreamResponse:
        if saved.request != wanted:
            same = "parameters" if saved.request[0] == wanted[0] else "endpoint"
            raise Refusal(
                400,
                "idempotency_error",
                None,
                f"Keys for idempotent requests can only be used with the same {same} they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
            )
        if saved.answer is None:
            raise Refusal(409, "idempotency_error", "idempotency_key_in_use", "in use by another request")
        status, body = saved.answer
        return web.json_response(body, status=status, headers={"Idempotent-Replayed": "true"})

    @staticmethod
    def _operation(path: str) -> tuple[str, str]:
        for pattern, name in (
            (r"/v1/payment_intents", "authorise"),
            (r"/v1/payment_intents/(\w+)/(?:capture)", "capture"),
            (r"/v1/payment_intents/(\w+)/(?:cancel)", "cancel"),
            (r"/v1/refunds", "refund"),
            (r"/v1/customers", "create_customer"),
            (r"/v1/customers/(\w+)", "update_customer"),
        ):
            match = re.fullmatch(pattern, path)
            if match is not None:
                return name, match[1] if match.groups() else ""
        raise _invalid("url_invalid", f"Unrecognized request URL ({path})", status=404)

    @staticmethod
    def _validate(operation: str, params: dict[str, Any]) -> None:
        """What Stripe refuses before an endpoint executes: not saved under the key."""
        if "payment_method_types" in params:
            raise _invalid("payment_method_types_no_longer_supported", "no longer supported", saved=False)
        for name in params:
            if name not in _KNOWN[operation].split():
                raise _invalid("parameter_unknown", f"Received unknown parameter: {name}", name, saved=False)
        for name in ("amount", "currency") if operation == "authorise" else ():
            if name not in params:
                raise _invalid("parameter_missing", f"Missing required param: {name}.", name, saved=False)
        if "amount" in params and not re.fullmatch(r"[1-9]\d{0,7}", params["amount"]):
            raise _invalid("parameter_invalid_integer", "Invalid integer", "amount", saved=False)

    # --- what writes do

    def _execute(self, operation: str, target: str, params: dict[str, Any]) -> dict[str, Any]:
        if operation == "authorise":
            return self._authorise(params)
        if operation == "capture":
            return self._capture(self._payment(target))
        if operation == "cancel":
            return self._cancel(self._payment(target))
        if operation == "refund":
            return self._refund(params)
        if operation == "create_customer":
            return self.add_customer(params.get("metadata", {}))
        self._customer(target)["metadata"].update(params.get("metadata", {}))
        return self._customer(target)

    def _authorise(self, params: dict[str, Any]) -> dict[str, Any]:
        amount, currency, method = int(params["amount"]), params["currency"], params["payment_method"]
        if currency == "usd" and amount < 50:
            raise _invalid("amount_too_small", "Amount must be at least $0.50 usd", "amount")
        if amount % _MULTIPLES.get(currency, 1):
            raise _invalid("invalid_charge_amount_no_decimal_compatible", "Invalid amount", "amount")
        if method not in self.methods:
            raise _invalid("resource_missing", f"No such PaymentMethod: '{method}'", "payment_method")
        if self.methods[method] not in (None, params["customer"]):
            raise _invalid("payment_method_unexpected", "The payment method belongs to another customer")
        if (params["capture_method"], params["confirm"], params["off_session"]) != ("manual", "true", "true"):
            raise _invalid("parameter_invalid", "not what is served here")
        payment = {
            "id": self._id("pi"),
            "object": "payment_intent",
            "created": int(self.now()),
            "amount": amount,
            "amount_capturable": amount,
            "amount_received": 0,
            "currency": currency,
            "customer": self._customer(params["customer"])["id"],
            "capture_method": "manual",
            "payment_method": method,
            "payment_method_types": params["allowed_payment_method_types"],
            "metadata": params["metadata"],
            "status": "requires_capture",
            "latest_charge": None,
        }
        self.payments[payment["id"]] = payment
        for word, code in (("declined", "card_declined"), ("authentication", "authentication_required")):
            if word in method:
                payment |= {"status": "requires_payment_method", "amount_capturable": 0, "payment_method": None}
                message = "Your card was declined."
                raise Refusal(402, "card_error", code, message, decline_code=code, payment_intent=dict(payment))
        return dict(payment)

    def _unexpected(self, payment: dict[str, Any], verb: str) -> Refusal:
        message = f"This PaymentIntent could not be {verb} because it has a status of {payment['status']}."
        return _invalid("payment_intent_unexpected_state", message)

    def _capture(self, payment: dict[str, Any]) -> dict[str, Any]:
        if payment["status"] != "requires_capture":
            raise self._unexpected(payment, "captured")
        if self.refuse_captures:
            raise _invalid("capture_unauthorized_payment", "This payment can't be captured.")
        payment |= {"status": "succeeded", "amount_received": payment["amount"], "amount_capturable": 0}
        return dict(payment)

    def _cancel(self, payment: dict[str, Any]) -> dict[str, Any]:
        if payment["status"] in ("succeeded", "canceled"):
            raise self._unexpected(payment, "canceled")
        payment |= {"status": "canceled", "amount_capturable": 0}
        return dict(payment)

    def given_back(self, payment_id: str) -> int:
        return sum(refund["amount"] for refund in self.refunds.values() if refund["payment_intent"] == payment_id)

    def _refund(self, params: dict[str, Any]) -> dict[str, Any]:
        payment, amount = self._payment(params["payment_intent"]), int(params["amount"])
        left = payment["amount_received"] - self.given_back(payment["id"])
        if left == 0 and payment["amount_received"]:
            raise _invalid("charge_already_refunded", "Charge has already been refunded.")
        if self.refuse_refunds:
            raise _invalid("charge_disputed", "This charge has been charged back.")
        if amount > left:
            raise _invalid("", f"Refund amount ({amount}) is greater than unrefunded amount on charge", "amount")
        refund = {
            "id": self._id("re"),
            "object": "refund",
            "payment_intent": payment["id"],
            "amount": amount,
            "currency": payment["currency"],
            "metadata": params["metadata"],
            "status": "succeeded",
        }
        self.refunds[refund["id"]] = refund
        return dict(refund)

    def add_customer(self, metadata: dict[str, str], default_method: str | None = None) -> dict[str, Any]:
        customer = {
            "id": self._id("cus"),
            "object": "customer",
            "metadata": metadata,
            "invoice_settings": {"default_payment_method": default_method},
        }
        self.customers[customer["id"]] = customer
        return customer

    # --- what reads answer

    def _payment(self, id: str) -> dict[str, Any]:
        if id not in self.payments:
            raise _invalid("resource_missing", f"No such payment_intent: '{id}'", "intent", status=404)
        return self.payments[id]

    def _customer(self, id: str) -> dict[str, Any]:
        if id not in self.customers:
            raise _invalid("resource_missing", f"No such customer: '{id}'", "id", status=404)
        return self.customers[id]

    def _page(self, url: str, found: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        """The newest first, by `limit` and `starting_after`."""
        found = found[::-1]
        after = query.get("starting_after")
        if after is not None:
            found = found[[thing["id"] for thing in found].index(after) + 1 :]
        size = min(int(query.get("limit", 10)), self.page_size)
        return {"object": "list", "url": url, "has_more": len(found) > size, "data": found[:size]}

    def _read(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        if path == "/v1/payment_intents":
            first = int(query.get("created[gte]", 0))
            customer = self._customer(query["customer"])["id"]
            found = (p for p in self.payments.values() if p["customer"] == customer)
            mine = [dict(payment) for payment in found if payment["created"] >= first]
            return self._page(path, mine, query)
        if path == "/v1/refunds":
            mine = [dict(r) for r in self.refunds.values() if r["payment_intent"] == query["payment_intent"]]
            return self._page(path, mine, query)
        if path == "/v1/customers/search":
            match = re.fullmatch(r"metadata\['usher_customer_id'\]:'(.*)'", query["query"])
            if match is None:
                raise _invalid("", f"Invalid query: {query['query']}", "query")
            wanted = re.sub(r"\\(.)", r"\1", match[1])
            data = [c for c in self.customers.values() if c["metadata"].get("usher_customer_id") == wanted]
            return {"object": "search_result", "url": path, "has_more": False, "data": data[::-1]}
        parts = path.split("/")[2:]
        if len(parts) == 3 and parts[2] == "payment_methods":
            cards = [{"id": m, "object": "payment_method"} for m, owner in self.methods.items() if owner == parts[1]]
            return self._page(path, cards, query)
        if parts[0] == "customers":
            return self._customer(parts[1])
        payment = dict(self._payment(parts[1]))
        if query.get("expand[0]") == "latest_charge" and payment["amount_received"]:
            given = self.given_back(payment["id"])
            payment["latest_charge"] = {"id": f"ch_{payment['id']}", "object": "charge", "amount_refunded": given}
        return payment
