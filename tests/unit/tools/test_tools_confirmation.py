"""No charge, upgrade or refund without this customer's yes to exactly this action and this total."""

from __future__ import annotations

from typing import Any

import pytest

from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, fingerprint


async def _post(office: Any, quote: Any, *, caller: str = "agent", customer: str = "ann", **headers: str) -> Any:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    path = f"/tools/{quote['action']}"
    return await office.raw("POST", path, caller=caller, customer=customer, json=quote["arguments"], headers=named)


async def _is_refused(office: Any, response: Any, status: int, code: str) -> None:
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert (await office.ok("list_orders", {"customer_id": "ann"}))["orders"] == []
    assert await office.payments.find("CONF-1", customer_id="ann") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"total_minor": 1},
        {"currency": "EUR"},
        {"fingerprint": fingerprint("create_order", {"hold_id": "HOLD_OTHER"})},
        {"action": "refund_order"},
        {"customer_id": "bob"},
        {"quote_id": "QUO_OTHER"},
    ],
)
async def test_a_yes_to_something_else_does_not_count(office: Any, changes: dict[str, Any]) -> None:
    quote = await office.purchase(["A-2-5"])
    response = await office.act(quote, yes=office.confirm(quote, **changes))
    await _is_refused(office, response, 403, "confirmation_required")


async def test_without_or_with_a_broken_confirmation(office: Any) -> None:
    quote = await office.purchase(["A-2-5"])
    for headers in ({}, {CONFIRMATION_HEADER: "yes"}, {CONFIRMATION_HEADER: "e30="}):
        await _is_refused(office, await _post(office, quote, **headers), 403, "confirmation_required")


async def test_other_arguments_than_confirmed(office: Any) -> None:
    quote = await office.purchase(["A-2-5"])
    yes = office.confirm(quote)
    quote["arguments"]["payment_method_token"] = "tok_other"
    response = await office.act(quote, yes=yes)
    await _is_refused(office, response, 403, "confirmation_required")


async def test_only_the_agent_may_act(office: Any) -> None:
    quote = await office.purchase(["A-2-5"])
    header = office.confirm(quote).to_header()
    for caller in ("gateway", "cli"):
        response = await _post(office, quote, caller=caller, **{CONFIRMATION_HEADER: header})
        await _is_refused(office, response, 403, "wrong_caller")


async def test_another_customer_cannot_use_the_quote(office: Any) -> None:
    quote = await office.purchase(["A-2-5"], "bob")
    quote["arguments"]["customer_id"] = "ann"
    response = await office.act(quote, yes=office.confirm(quote, "ann"))
    await _is_refused(office, response, 403, "confirmation_required")


async def test_customer_id_must_be_the_callers(office: Any) -> None:
    quote = await office.purchase(["A-2-5"], "bob")
    response = await office.act(quote, "ann", yes=office.confirm(quote, "ann"))
    await _is_refused(office, response, 403, "wrong_customer")
    response = await office.tool("list_orders", {"customer_id": "bob"}, "ann")
    assert (response.status_code, response.json()["code"]) == (403, "wrong_customer")


async def test_a_confirmation_counts_once(office: Any) -> None:
    quote = await office.purchase(["A-2-5"])
    yes = office.confirm(quote)
    first = await office.act(quote, yes=yes)
    again = await office.act(quote, yes=yes)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    other_key = await _post(office, quote, Idempotency_Key="another", **{CONFIRMATION_HEADER: yes.to_header()})
    assert (other_key.status_code, other_key.json()["code"]) == (403, "confirmation_required")
    second = await office.purchase(["A-2-6"])
    reused = await office.act(second, yes=office.confirm(second, id=yes.id))
    assert reused.status_code == 422  # the confirmation's key with other arguments
    assert len((await office.ok("list_orders", {"customer_id": "ann"}))["orders"]) == 1


async def test_a_changed_price_has_to_be_confirmed_again(office: Any, small_catalogue: Any) -> None:
    quote = await office.purchase(["A-2-5"])
    catalogue = small_catalogue()
    catalogue["events"][0]["prices"]["A"] = 125
    await office.raw("POST", "/catalogue", caller="cli", json=catalogue)
    await _is_refused(office, await office.act(quote), 409, "price_changed")


async def test_a_quote_checks_the_arguments_of_its_action(office: Any) -> None:
    response = await office.tool("quote", {"action": "exchange_order", "arguments": {"order_id": "ORD_1"}})
    assert (response.status_code, response.json()["code"]) == (422, "validation_failed")
    assert response.json()["errors"][0]["field"] == "hold_id"
    response = await office.tool("exchange_order", {"order_id": "ORD_1"})
    assert response.status_code in (403, 404)
