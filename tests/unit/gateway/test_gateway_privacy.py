"""Consents: the customer's own, or one that a client application may name."""

from __future__ import annotations

from typing import Any

KEPT = {"preferences": True, "training": False, "remembered": {}, "updated_at": None}


async def test_a_customer_reads_and_changes_consents(gateway: Any) -> None:
    key = await gateway.key("privacy", "act_as_customer")
    gateway.agent.on("GET", "/privacy/consent", KEPT)
    gateway.agent.on("PUT", "/privacy/consent", KEPT)
    gateway.agent.on("DELETE", "/privacy/preferences", KEPT)
    body = {"preferences": True}
    for method, path, sent in (
        ("GET", "/privacy/consent", None),
        ("PUT", "/privacy/consent", body),
        ("DELETE", "/privacy/preferences", None),
    ):
        status, _, answer = await gateway.call(method, f"{path}?customer_id=cus_1", json=sent, headers=key)
        assert (status, answer) == (200, KEPT)
    assert {call.headers["Usher-Customer"] for call in gateway.agent.calls} == {"cus_1"}
    assert gateway.agent.calls[1].body == body


async def test_the_scope_is_privacy_and_another_customer_needs_more(gateway: Any) -> None:
    chat, own = await gateway.key("chat"), await gateway.key("privacy")
    assert (await gateway.call("GET", "/privacy/consent", headers=chat))[0] == 403
    assert (await gateway.call("GET", "/privacy/consent?customer_id=cus_1", headers=own))[0] == 403
    status, _, problem = await gateway.call("PUT", "/privacy/consent", json={"marketing": True}, headers=own)
    assert (status, problem["code"]) == (422, "validation_failed")
    assert not gateway.agent.calls
