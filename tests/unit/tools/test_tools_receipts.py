"""Receipts: derived from the order, true to every change and every payment."""

from __future__ import annotations

from typing import Any

import pytest

from usher_shared.contracts.receipts import Receipt

SALES = {"name": "Sales tax", "percent": 8.25, "on": "price_and_fees"}


@pytest.fixture
async def taxed_office(open_box_office: Any, small_catalogue: Any) -> Any:
    catalogue = small_catalogue()
    catalogue["venues"][0]["tax_id"] = "US 36-1234567"
    catalogue["events"][0]["taxes"] = [SALES]
    async with open_box_office(catalogue=catalogue) as office:
        yield office


async def _receipt(office: Any, order_id: str, customer: str = "ann") -> Receipt:
    response = await office.raw("GET", f"/orders/{order_id}/receipt?customer_id={customer}", caller="gateway")
    assert response.status_code == 200, response.text
    return Receipt.model_validate(response.json())


async def test_a_purchase(taxed_office: Any) -> None:
    order = await taxed_office.buy(["B-A-4", "B-A-5"])
    receipt = await _receipt(taxed_office, order["order_id"])
    assert receipt.number == f"{order['order_id']}/1"
    assert receipt.seller.model_dump() == {
        "name": "Union Hall",
        "address": "1 Main Street",
        "city": "Chicago",
        "tax_id": "US 36-1234567",
    }
    assert (receipt.customer_id, receipt.currency, receipt.decimals) == ("ann", "USD", 2)
    assert [line.seat_id for line in receipt.lines] == ["B-A-4", "B-A-5"]
    line = receipt.lines[0]
    # 60.50 + 8.55 fees, 8.25% of 69.05 = 5.696625
    assert (line.price, line.fee, line.total) == (60.5, 8.55, 74.75)
    assert [tax.model_dump() for tax in line.taxes] == [
        {"name": "Sales tax", "percent": 8.25, "included": False, "amount": 5.7}
    ]
    (change,) = receipt.changes
    assert (change.kind, change.price, change.fees, change.taxes, change.amount) == (
        "create_order",
        121.0,
        17.1,
        11.4,
        149.5,
    )
    assert [payment.amount for payment in change.payments] == [149.5]
    assert (receipt.paid, receipt.refunded, receipt.net_paid, receipt.kept) == (149.5, 0.0, 149.5, 0.0)
    assert receipt.issued_at == change.at


async def test_an_upgrade_and_a_refund_are_shown_with_their_money(taxed_office: Any) -> None:
    office = taxed_office
    id = (await office.buy(["B-A-4", "B-A-5"]))["order_id"]
    upgrade = await office.quote("upgrade_tickets", {"order_id": id, "target_section": "A"})
    assert (await office.act(upgrade)).status_code == 200
    refund = await office.quote("refund_order", {"order_id": id, "seat_ids": ["A-1-5"]})
    assert (await office.act(refund)).status_code == 200
    receipt = await _receipt(office, id)
    assert receipt.number == f"{id}/3"
    bought, moved, given = receipt.changes
    assert [line.seat_id for line in moved.seats_in] == ["A-1-5", "A-1-6"]
    assert [line.seat_id for line in moved.seats_out] == ["B-A-4", "B-A-5"]
    assert moved.amount == moved.payments[0].amount == upgrade["total"]
    assert [line.seat_id for line in given.seats_out] == ["A-1-5"]
    assert given.seats_in == []
    assert given.amount == refund["total"] == sum(part.amount for part in given.refunds)
    assert (given.price, given.fees, given.taxes) == (-108.0, 0.0, refund["taxes"])
    # the newest payment is given back first
    assert given.refunds[0].id == moved.payments[0].id
    for change in receipt.changes:
        assert change.amount == pytest.approx(change.price + change.fees + change.taxes)
    assert [line.seat_id for line in receipt.lines] == ["A-1-6"]
    assert receipt.paid == pytest.approx(bought.amount + moved.amount)
    assert receipt.refunded == pytest.approx(-given.amount)
    assert receipt.net_paid == pytest.approx(receipt.paid - receipt.refunded)
    assert receipt.net_paid == pytest.approx(receipt.tickets_total + receipt.kept)
    assert [tax.amount for tax in receipt.tax_lines] == [pytest.approx(bought.taxes + moved.taxes + given.taxes)]


async def test_another_customers_receipt_is_not_there(office: Any) -> None:
    id = (await office.buy(["A-2-5"]))["order_id"]
    response = await office.raw("GET", f"/orders/{id}/receipt?customer_id=bob")
    assert (response.status_code, response.json()["code"]) == (404, "order_not_found")
    response = await office.raw("GET", f"/orders/{id}/receipt?customer_id=ann", customer="bob")
    assert (response.status_code, response.json()["code"]) == (403, "wrong_customer")
    assert (await office.raw("GET", f"/orders/{id}/receipt")).status_code == 422
    response = await office.raw("GET", f"/orders/{id}/receipt?customer_id=ann", caller="logger")
    assert response.status_code == 403


async def test_an_order_stored_before_its_changes_named_their_payments(office: Any) -> None:
    id = (await office.buy(["A-2-5"]))["order_id"]
    stored = await office.store.get("orders", id)
    for change in stored["history"]:
        del change["intent_id"]
    for seat in stored["seats"]:
        for field in ("ticket_id", "taxes", "tax_minor"):
            seat.pop(field, None)
    await office.store.set("orders", id, stored)
    receipt = await _receipt(office, id)
    (change,) = receipt.changes
    assert (change.kind, change.amount, change.payments) == ("change", 134.5, [])
    assert receipt.net_paid == 134.5
    assert receipt.lines[0].taxes == []


@pytest.fixture
async def lenient_office(open_box_office: Any, small_catalogue: Any) -> Any:
    """Tickets may be exchanged, and given back for credit."""
    catalogue = small_catalogue()
    for event in catalogue["events"]:
        policies = event.setdefault("policies", {})
        policies |= {topic: {"until_hours_before": 1} for topic in ("exchange", "credit")}
        event["taxes"] = [SALES]
    async with open_box_office(catalogue=catalogue) as office:
        yield office


def _check_sums(receipt: Receipt) -> None:
    assert receipt.net_paid == pytest.approx(receipt.paid - receipt.refunded - receipt.moved_on)
    assert receipt.net_paid == pytest.approx(receipt.tickets_total + receipt.kept)
    assert receipt.net_paid == pytest.approx(sum(change.amount for change in receipt.changes))
    for change in receipt.changes:
        assert change.amount == pytest.approx(change.price + change.fees + change.taxes)
        moved = [*change.payments, *change.refunds, *change.moved_on]
        assert change.amount == pytest.approx(sum(part.amount for part in moved))


async def test_an_exchange_is_on_both_receipts(lenient_office: Any) -> None:
    office = lenient_office
    old = (await office.buy(["A-2-5", "A-2-6"]))["order_id"]
    hold = await office.hold(["A-2-5"], event_id="next-week")
    wanted = {"order_id": old, "hold_id": hold["hold_id"], "seat_ids": ["A-2-5"]}
    answer = (await office.act(await office.quote("exchange_order", wanted))).json()
    before, after = await _receipt(office, old), await _receipt(office, answer["new_order_id"])
    _check_sums(before)
    _check_sums(after)
    away, new = before.changes[-1], after.changes[0]
    assert [line.seat_id for line in away.seats_out] == ["A-2-5"]
    assert ([line.seat_id for line in new.seats_in], new.seats_out) == (["A-2-5"], [])
    assert before.moved_on == pytest.approx(sum(part.amount for part in new.payments))
    assert before.moved_on > 0
    assert {part.id for part in new.payments} == {before.changes[0].payments[0].id}


async def test_store_credit_on_receipts(lenient_office: Any) -> None:
    office = lenient_office
    id = (await office.buy(["C-X-1"]))["order_id"]
    quote = await office.quote("credit_order", {"order_id": id})
    assert (await office.act(quote)).status_code == 200
    given = await _receipt(office, id)
    _check_sums(given)
    assert (given.moved_on, given.refunded, given.lines) == (pytest.approx(-quote["total"]), 0.0, [])
    later = await office.buy(["A-2-5"])
    paid = await _receipt(office, later["order_id"])
    _check_sums(paid)
    credit, charge = paid.changes[0].payments
    assert (credit.id, credit.amount) == ("store-credit", given.moved_on)
    assert charge.amount == pytest.approx(paid.paid - given.moved_on)
