"""Accounts of store credit and their entries, as they are stored. Amounts in minor units."""

from __future__ import annotations

from usher_tools.events.model import Stored

# stands for a charge's id where a part of an order was paid with store credit
STORE_CREDIT = "store-credit"


class CreditAccount(Stored):
    """Collection `credit_accounts`, id = `account_id`: what one customer has in one currency, never negative."""

    customer_id: str
    currency: str
    balance_minor: int = 0

    @property
    def id(self) -> str:
        return account_id(self.customer_id, self.currency)


class CreditEntry(Stored):
    """Collection `credit_entries`: granted (positive) or spent (negative); an account's entries add up to it."""

    customer_id: str
    currency: str
    amount_minor: int
    order_id: str
    intent_id: str
    what: str
    at: str


def account_id(customer_id: str, currency: str) -> str:
    return f"{customer_id}:{currency}"
