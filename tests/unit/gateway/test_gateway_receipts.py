"""Receipts and tickets through the gateway: for the order's own customer, in the form that was asked for."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from aiohttp import web

from usher_gateway.accepting import prefers

HOSTILE = "<script>alert('x')</script> & \"Sons\""
LINE = {
    "seat_id": "A-5-12",
    "description": HOSTILE,
    "price": 120.0,
    "fee": 12.0,
    "taxes": [{"name": "Sales tax", "percent": 8.25, "included": False, "amount": 10.89}],
    "total": 142.89,
}
CHANGE = {
    "at": "2026-11-01T10:00:00Z",
    "kind": "create_order",
    "description": f"Bought 1 ticket {HOSTILE}",
    "seats_in": [LINE],
    "seats_out": [],
    "price": 120.0,
    "fees": 12.0,
    "taxes": 10.89,
    "tax_lines": LINE["taxes"],
    "amount": 142.89,
    "payments": [{"id": "CHG_1", "amount": 142.89}],
    "refunds": [],
    "moved_on": [],
}
RECEIPT = {
    "number": "ORD_1/1",
    "issued_at": "2026-11-01T10:00:00Z",
    "order_id": "ORD_1",
    "status": "confirmed",
    "seller": {"name": HOSTILE, "address": "1 Main Street", "city": "Chicago", "tax_id": "US 1"},
    "customer_id": "ada",
    "event_id": "EVT_1",
    "event_name": HOSTILE,
    "starts_at": "2026-11-20T19:30:00-05:00",
    "currency": "USD",
    "decimals": 2,
    "lines": [LINE],
    "tickets_total": 142.89,
    "kept": 0.0,
    "changes": [CHANGE],
    "paid": 142.89,
    "refunded": 0.0,
    "moved_on": 0.0,
    "net_paid": 142.89,
    "tax_lines": LINE["taxes"],
}
TICKET = {
    "ticket_id": "TKT_1",
    "event_id": "EVT_1",
    "event_name": "Hamilton",
    "starts_at": "2026-11-20T19:30:00-05:00",
    "venue": "Union Hall",
    "seat_id": "A-5-12",
    "description": "Floor, row 5, seat 12",
    "accessible": False,
    "valid_until": "2027-11-21T00:30:00Z",
    "payload": "a.b.c",
}
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture
async def served(gateway: Any) -> Any:
    async def ticket(request: web.Request, _: Any) -> web.StreamResponse:
        if request.query.get("format") == "svg":
            return web.Response(body=SVG, content_type="image/svg+xml")
        return web.json_response(TICKET)

    gateway.tools.on("GET", "/orders/ORD_1/receipt", RECEIPT)
    gateway.tools.on("GET", "/orders/ORD_1/tickets", {"order_id": "ORD_1", "revision": 1, "tickets": [TICKET]})
    gateway.tools.on("GET", "/orders/ORD_1/tickets/TKT_1", ticket)
    gateway.tools.on("GET", "/orders/ORD_OF_ANOTHER", (404, {"detail": "there is no order", "code": "order_not_found"}))
    gateway.tools.on("GET", "/tickets/keys", {"keys": [{"kty": "OKP", "kid": "k"}]})
    return gateway


async def test_a_receipt_as_json(served: Any) -> None:
    key = await served.key("orders", "act_as_customer")
    status, headers, body = await served.call("GET", "/orders/ORD_1/receipt?customer_id=ada", headers=key)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert body == RECEIPT
    (call,) = served.tools.calls
    assert (call.query, call.headers["Usher-Customer"]) == ({"customer_id": "ada"}, "ada")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_a_receipt_as_a_page(served: Any) -> None:
    key = await served.key("orders", "act_as_customer")
    accept = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    status, headers, body = await served.call("GET", "/orders/ORD_1/receipt?customer_id=ada", headers=key | accept)
    page = body.decode() if isinstance(body, bytes) else body
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    parsed = _Page()
    parsed.feed(page)
    # nothing that runs or fetches, though every text of the order tries to
    assert not {"script", "img", "link", "iframe", "form", "a"} & set(parsed.tags)
    assert not {name for name in parsed.attributes if name.startswith("on") or name in ("src", "href", "style")}
    assert parsed.text.count(HOSTILE) == 4
    for part in ("ORD_1/1", "$142.89", "Sales tax 8.25% (added) $10.89", "CHG_1", "US 1", "ada"):
        assert part in parsed.text
    policies = headers.getall("Content-Security-Policy")
    strict = next(policy for policy in policies if "default-src" in policy)
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in strict
    assert "unsafe" not in strict
    assert "frame-ancestors 'none'" in policies
    assert headers["Cache-Control"] == "no-store"


async def test_tickets_and_their_codes(served: Any) -> None:
    key = await served.key("orders", "act_as_customer")
    listed = await served.call("GET", "/orders/ORD_1/tickets?customer_id=ada", headers=key)
    assert listed[2] == {"order_id": "ORD_1", "revision": 1, "tickets": [TICKET]}
    one = await served.call("GET", "/orders/ORD_1/tickets/TKT_1?customer_id=ada", headers=key)
    assert one[2] == TICKET
    for query, accept in (("&format=svg", {}), ("", {"Accept": "image/svg+xml"})):
        path = f"/orders/ORD_1/tickets/TKT_1?customer_id=ada{query}"
        status, headers, body = await served.call("GET", path, headers=key | accept)
        assert (status, headers["Content-Type"]) == (200, "image/svg+xml")
        assert "default-src 'none'" in headers.getall("Content-Security-Policy")
        assert (body.encode() if isinstance(body, str) else body) == SVG
    keys = await served.call("GET", "/tickets/keys?customer_id=ada", headers=key)
    assert keys[2] == {"keys": [{"kty": "OKP", "kid": "k"}]}


PATHS = ["/orders/{}/receipt", "/orders/{}/tickets", "/orders/{}/tickets/TKT_1"]


@pytest.mark.parametrize("path", PATHS)
async def test_the_scope_and_the_customer_decide(served: Any, path: str) -> None:
    chat = await served.key("chat", "act_as_customer")
    orders = await served.key("orders")
    both = await served.key("orders", "act_as_customer")
    assert (await served.call("GET", path.format("ORD_1") + "?customer_id=ada", headers=chat))[0] == 403
    assert (await served.call("GET", path.format("ORD_1") + "?customer_id=ada", headers=orders))[0] == 403
    assert (await served.call("GET", path.format("ORD_1")))[0] == 401
    status, _, body = await served.call("GET", path.format("ORD_OF_ANOTHER") + "?customer_id=ada", headers=both)
    assert (status, body["code"]) == (404, "order_not_found")


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/html", True),
        ("text/html, application/json", False),
        ("application/json;q=0.5, text/html", True),
        ("text/html;q=0.2, application/json", False),
        ("text/html;q=0", False),
        ("*/*", False),
        ("", False),
        ("TEXT/HTML; charset=utf-8", True),
        ("text/html;q=rubbish", False),
    ],
)
def test_which_form_is_preferred(accept: str, wanted: bool) -> None:
    assert prefers(accept, "text/html") is wanted
