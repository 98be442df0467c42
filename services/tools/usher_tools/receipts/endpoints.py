"""Receipts over HTTP."""

from __future__ import annotations

from fastapi import APIRouter

from usher_shared.contracts.receipts import Receipt
from usher_tools.access import ForCustomer, Id, TheOffice
from usher_tools.receipts.service import get_receipt

router = APIRouter(tags=["orders"])


@router.get("/orders/{order_id}/receipt")
async def get_order_receipt(order_id: Id, customer_id: ForCustomer, office: TheOffice) -> Receipt:
    """The receipt of one of the customer's orders, as it stands now."""
    return await get_receipt(order_id, customer_id, office.store)
