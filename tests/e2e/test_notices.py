"""A payment provider's notifications through the public door: the signature alone lets them in."""

from __future__ import annotations

import json
import time

import aiohttp
import pytest
import stripe

from stack_process import Target

EVENT = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {"usher_payment": "CONF_nobodys"}}},
}


async def _post(target: Target, path: str, body: bytes, signature: str) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(target.url + path, data=body, headers={"Stripe-Signature": signature}) as response,
    ):
        return response.status


async def test_signed_notifications_are_taken_and_no_others(target: Target, notice_secret: str) -> None:
    if target.running is None:
        pytest.skip("the signing secret of a stack elsewhere is not known")
    body = json.dumps(EVENT, indent=2).encode()

    def signed(secret: str, seconds_ago: int = 0) -> str:
        at = int(time.time()) - seconds_ago
        header: str = stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at)
        return header

    assert await _post(target, "/webhooks/stripe", body, signed(notice_secret)) == 200
    assert await _post(target, "/webhooks/stripe", body + b" ", signed(notice_secret)) == 400
    assert await _post(target, "/webhooks/stripe", body, signed(notice_secret, 400)) == 400
    assert await _post(target, "/webhooks/stripe", body, signed("whsec_another")) == 400
    assert await _post(target, "/webhooks/stripe", body, "") == 400
    assert await _post(target, "/webhooks/paypal", body, signed(notice_secret)) == 404
    logs = "".join(path.read_text("utf-8", "replace") for path in target.running.stack.logs.glob("*"))
    assert notice_secret not in logs
