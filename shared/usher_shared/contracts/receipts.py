"""Receipts of orders. Amounts are decimal numbers of major units; what was given back is negative."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Seller(_Part):
    name: str
    address: str
    city: str
    tax_id: str | None = Field(default=None, description="as the catalogue names it")


class ReceiptTax(_Part):
    """An `included` tax is within prices and fees: no total adds it."""

    name: str
    percent: float
    included: bool
    amount: float


class ReceiptLine(_Part):
    """One ticket: `total` is price, fee and the taxes that are not included."""

    seat_id: str
    description: str
    price: float
    fee: float
    taxes: list[ReceiptTax]
    total: float


class MoneyMoved(_Part):
    """`id` is the provider's payment, or `store-credit`; a refund names the payment that it gives back."""

    id: str
    amount: float


class ReceiptChange(_Part):
    """One change of the order, the purchase first. `seats_in` entered the order with it, `seats_out` left."""

    at: AwareDatetime
    kind: str
    description: str
    seats_in: list[ReceiptLine]
    seats_out: list[ReceiptLine]
    price: float
    fees: float
    taxes: float
    tax_lines: list[ReceiptTax]
    amount: float
    payments: list[MoneyMoved] = Field(description="what paid: charges, store credit, what an exchange brought along")
    refunds: list[MoneyMoved] = Field(description="what was given back")
    moved_on: list[MoneyMoved] = Field(
        default_factory=list, description="what went to the order of an exchange, or into store credit"
    )


class Receipt(_Part):
    """Derived from the order whenever it is asked for: `number` is the order's id and how often it has changed.

    `lines` are the tickets of today and `tickets_total` what they cost; `kept` was paid for tickets given back and not
    refunded. `paid` - `refunded` - `moved_on` = `net_paid` = `tickets_total` + `kept`.
    """

    number: str
    issued_at: AwareDatetime = Field(description="of the order's last change")
    order_id: str
    status: str
    seller: Seller
    customer_id: str
    event_id: str
    event_name: str
    starts_at: AwareDatetime
    currency: str
    decimals: Literal[0, 2, 3] = Field(description="of the currency's amounts")
    lines: list[ReceiptLine]
    tickets_total: float
    kept: float
    changes: list[ReceiptChange]
    paid: float
    refunded: float
    moved_on: float = 0.0
    net_paid: float
    tax_lines: list[ReceiptTax] = Field(description="over all changes: what was taken and not given back")
