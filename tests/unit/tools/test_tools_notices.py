"""Notifications of the payment provider: signed, late, doubled, reordered, lying.

`stripe_events/` holds events as Stripe documents them (https://docs.stripe.com/api/events/types), made up here.
"""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe
from pydantic import SecretStr

from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.adapters.stripe_notices import StripeNotices
from usher_tools.payments.ports import Notice, PaymentUnknown

EVENTS = Path(__file__).with_name("stripe_events")
OLD, NEW = "whsec_the_old_secret", "whsec_the_new_secret"
PAYMENT = "pi_3RkVt2LkdIwHu7ix0fGq8sXa"
LEASE_OVER = timedelta(seconds=9)


def _recorded(name: str, **changes: Any) -> bytes:
    event = json.loads((EVENTS / f"{name}.json").read_text())
    event["data"]["object"] |= changes
    return json.dumps(event, indent=2).encode()


def _signed(body: bytes, secret: str = NEW, *, seconds_ago: int = 0) -> str:
    header: str = stripe.WebhookSignature.generate_signature_header(
        body.decode(), secret, int(time.time()) - seconds_ago
    )
    return header


async def _post(office: Any, body: bytes, signature: str | None = None, *, provider: str = "stripe") -> Any:
    headers = {"Stripe-Signature": _signed(body) if signature is None else signature}
    return await office.raw("POST", f"/notices/{provider}", caller="gateway", content=body, headers=headers)


def _take_notices(office: Any) -> Any:
    office.app.state.notices = {"stripe": StripeNotices(SecretStr(f"{NEW} {OLD}"))}
    return office


class _Stuck:
    """A provider that says nothing after the step `stuck_at`, which it carries out, until `awake`."""

    stuck_at = "capture"

    def __init__(self, inner: SandboxPayments) -> None:
        self._inner = inner
        self.awake = True
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **wanted: Any) -> Any:
            self.asked.append(name)
            if name == self.stuck_at and "find" not in self.asked:
                self.awake = False
            answer = await getattr(self._inner, name)(*args, **wanted)
            if not self.awake:
                raise PaymentUnknown("silence")
            return answer

        return call


class _StuckEarly(_Stuck):
    stuck_at = "authorise"


async def _interrupted(office: Any) -> Any:
    """A sale whose provider went silent: the confirmation is CONF-1, as in the recorded events."""
    quote = await office.purchase(["A-2-5"])
    yes = office.confirm(quote)
    assert yes.id == "CONF-1"
    assert (await office.act(quote, yes=yes)).status_code == 504
    return yes


async def _orders(office: Any) -> list[Any]:
    found: list[Any] = (await office.ok("list_orders", {"customer_id": "ann"}))["orders"]
    return found


async def _tickets(office: Any) -> list[Any]:
    response = await office.raw("GET", "/support-tickets", caller="cli")
    assert response.status_code == 200, response.text
    found: list[Any] = response.json()["tickets"]
    return found


@pytest.mark.parametrize("secret", [NEW, OLD])
async def test_both_secrets_verify_while_they_rotate(office: Any, secret: str) -> None:
    _take_notices(office)
    body = _recorded("customer.updated")
    response = await _post(office, body, _signed(body, secret))
    assert (response.status_code, response.json()) == (200, {"received": True})


async def test_what_was_not_signed_so_is_refused(open_box_office: Any) -> None:
    async with open_box_office(wrap=_Stuck) as office:
        _take_notices(office)
        await _interrupted(office)
        office.payments.awake = True
        office.clock.advance(LEASE_OVER)
        body = _recorded("payment_intent.succeeded")
        refused = [
            (body, ""),
            (body, "t=1,v1=00"),
            (body, "nonsense"),
            (body, _signed(body, "whsec_another")),
            (body, _signed(body, seconds_ago=301)),
            (body.replace(b"13450", b"13451", 1), _signed(body)),
            (body + b"\xff", _signed(body)),
        ]
        for given, signature in refused:
            response = await _post(office, given, signature)
            assert (response.status_code, response.json()["code"]) == (400, "bad_signature")
        assert await _orders(office) == []
        assert (await _post(office, body, _signed(body, seconds_ago=290))).status_code == 200
        assert len(await _orders(office)) == 1


async def test_only_the_gateway_passes_them_on_and_only_for_a_known_provider(office: Any) -> None:
    body = _recorded("customer.updated")
    assert (await _post(office, body)).status_code == 404  # no secret is set
    _take_notices(office)
    assert (await _post(office, body, provider="paypal")).status_code == 404
    headers = {"Stripe-Signature": _signed(body)}
    assert (await office.raw("POST", "/notices/stripe", content=body, headers=headers)).status_code == 403
    assert (await _post(office, b'{"id": 1}')).json()["code"] == "invalid_request"


@pytest.mark.parametrize(
    ("stuck", "name"),
    [(_Stuck, "payment_intent.succeeded"), (_StuckEarly, "payment_intent.amount_capturable_updated")],
)
async def test_an_interrupted_sale_is_finished_once(open_box_office: Any, stuck: Any, name: str) -> None:
    async with open_box_office(wrap=stuck) as office:
        _take_notices(office)
        yes = await _interrupted(office)
        office.clock.advance(LEASE_OVER)
        silent = await _post(office, _recorded(name))
        assert (silent.status_code, silent.json()["code"]) == (504, "payment_unknown")  # to be told again
        office.payments.awake = True

        for _ in range(3):
            assert (await _post(office, _recorded(name))).status_code == 200

        (order,) = await _orders(office)
        assert [seat["id"] for seat in order["seats"]] == ["A-2-5"]
        assert office.payments.asked.count("capture") == 1
        charge = await office.payments.find(yes.id, customer_id="ann")
        assert (charge.state, charge.amount_minor) == ("captured", round(order["total"] * 100))
        assert len(await office.published("usher.ticket_purchased.v1")) == 1


async def test_order_and_content_of_notifications_decide_nothing(open_box_office: Any) -> None:
    async with open_box_office(wrap=_StuckEarly) as office:
        _take_notices(office)
        await _interrupted(office)
        office.payments.awake = True
        office.clock.advance(LEASE_OVER)
        for name in ("payment_intent.payment_failed", "payment_intent.succeeded", "payment_intent.payment_failed"):
            assert (await _post(office, _recorded(name, amount=1, amount_received=1))).status_code == 200
        (order,) = await _orders(office)
        assert order["status"] == "confirmed"


async def test_a_payment_that_the_provider_does_not_have_buys_nothing(office: Any) -> None:
    _take_notices(office)
    quote = await office.purchase(["A-2-5"], token="tok_timeout_before")
    assert (await office.act(quote)).status_code == 504
    office.clock.advance(LEASE_OVER)
    assert (await _post(office, _recorded("payment_intent.succeeded"))).status_code == 200
    assert await _orders(office) == []


async def test_a_live_request_is_left_alone(open_box_office: Any) -> None:
    """Most notifications arrive while the request that caused them still runs."""
    async with open_box_office(wrap=_StuckEarly) as office:
        _take_notices(office)
        await _interrupted(office)
        intent = await office.store.get("payment_intents", "CONF-1")
        until = (office.clock.now() + timedelta(seconds=5)).isoformat().replace("+00:00", "Z")
        record = {"owner": intent["lease"]["owner"], "status": None, "leased_until": until}
        await office.store.set("idempotency", intent["lease"]["record_id"], record)
        asked = list(office.payments.asked)
        assert (await _post(office, _recorded("payment_intent.amount_capturable_updated"))).status_code == 200
        assert office.payments.asked == asked
        office.payments.awake = True


async def test_payments_of_others_on_the_same_account_are_nobody_s_business(office: Any) -> None:
    _take_notices(office)
    for name in ("payment_intent.succeeded", "refund.created", "refund.failed", "charge.dispute.created"):
        assert (await _post(office, _recorded(name, metadata={}))).status_code == 200
    assert await _tickets(office) == []


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("refund.created", "A refund at the payment provider"),
        ("refund.failed", "A failed refund at the payment provider"),
        ("charge.dispute.created", "A dispute at the payment provider"),
    ],
)
async def test_what_was_done_elsewhere_is_put_before_a_person_once(office: Any, name: str, words: str) -> None:
    _take_notices(office)
    order = await office.buy(["A-2-5"])
    charge = await office.payments.find("CONF-1", customer_id="ann")
    for _ in range(2):
        assert (await _post(office, _recorded(name, payment_intent=charge.id))).status_code == 200
    (ticket,) = await _tickets(office)
    assert (ticket["subject"], ticket["order_id"], ticket["customer_id"]) == (words, order["order_id"], "ann")
    (view,) = await _orders(office)
    assert view["status"] == "confirmed"


async def test_our_own_refund_is_no_surprise(office: Any) -> None:
    _take_notices(office)
    order = await office.buy(["A-2-5"])
    quote = await office.quote("refund_order", {"order_id": order["order_id"]})
    assert (await office.act(quote)).status_code == 200
    assert (await _post(office, _recorded("refund.created.ours"))).status_code == 200
    assert await _tickets(office) == []


@pytest.mark.parametrize("taken", [False, True])
async def test_what_arrives_after_it_was_called_off_is_given_up_or_back(office: Any, taken: bool) -> None:
    """A provider that breaks its word: it had said that nothing would come."""
    _take_notices(office)
    quote = await office.purchase(["A-2-5"], token="tok_declined")
    assert (await office.act(quote)).json()["code"] == "payment_declined"
    record = {
        "charge_id": "CHG_late",
        "customer_id": "ann",
        "amount_minor": quote["total_minor"],
        "currency": "USD",
        "token": "tok_visa",
        "outcome": "captured" if taken else "authorised",
        "refunded_minor": 0,
    }
    await office.payments._store.set("sandbox_charges", "CONF-1", record)

    for _ in range(2):
        assert (await _post(office, _recorded("payment_intent.succeeded"))).status_code == 200

    after = await office.payments._store.get("sandbox_charges", "CONF-1")
    assert after["outcome"] == ("captured" if taken else "voided")
    assert after["refunded_minor"] == (quote["total_minor"] if taken else 0)


def test_every_recorded_event_is_read() -> None:
    found = {}
    for path in EVENTS.glob("*.json"):
        body = path.read_bytes()
        found[path.stem] = StripeNotices(SecretStr(NEW)).read(body, _signed(body))
    assert found["payment_intent.succeeded"] == Notice(
        "evt_3RkVt2LkdIwHu7ix0a2", "payment_intent.succeeded", payment_key="CONF-1", charge_id=PAYMENT
    )
    assert found["refund.created.ours"].payment_key == "CONF-2"
    assert {name: notice.foreign for name, notice in found.items() if notice.foreign} == {
        "refund.created": "refund",
        "refund.failed": "failed refund",
        "charge.dispute.created": "dispute",
    }
