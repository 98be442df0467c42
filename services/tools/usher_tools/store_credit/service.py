"""Reading and changing a customer's store credit."""

from __future__ import annotations

from decimal import ROUND_FLOOR
from typing import Literal

from usher_shared.contracts.money import chargeable, to_major
from usher_shared.contracts.tools import CreditBalance, StoreCredit
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict
from usher_tools.store_credit.model import CreditAccount, CreditEntry, account_id

What = Literal["granted", "refunded", "spent", "returned"]


async def read_account(source: DocumentStore | Transaction, customer_id: str, currency: str) -> CreditAccount:
    """An empty one where there is none yet."""
    data = await source.get("credit_accounts", account_id(customer_id, currency))
    return CreditAccount(customer_id=customer_id, currency=currency) if data is None else CreditAccount(**data)


def spendable(account: CreditAccount, cost_minor: int) -> int:
    """How much of the account pays for that cost; what is left to charge can be charged."""
    return chargeable(min(account.balance_minor, cost_minor), account.currency, rounding=ROUND_FLOOR)


def change_account(
    tx: Transaction, account: CreditAccount, amount_minor: int, what: What, *, intent_id: str, order_id: str, at: str
) -> None:
    """Grant (positive) or spend (negative), once per intent and `what`; the account was read in this transaction.

    Raises Conflict credit_short when less is left; nothing was written then.
    """
    balance = account.balance_minor + amount_minor
    if balance < 0:
        raise Conflict("there is not so much store credit", code="credit_short")
    entry = CreditEntry(
        customer_id=account.customer_id,
        currency=account.currency,
        amount_minor=amount_minor,
        order_id=order_id,
        intent_id=intent_id,
        what=what,
        at=at,
    )
    tx.create("credit_entries", f"{intent_id}:{what}", entry.model_dump(mode="json"))
    tx.set("credit_accounts", account.id, account.model_copy(update={"balance_minor": balance}).model_dump(mode="json"))


async def get_credit(customer_id: str, store: DocumentStore) -> StoreCredit:
    """What the customer has, by currency; currencies without any are left out."""
    page = await store.query(Query("credit_accounts", (Filter("customer_id", "==", customer_id),), limit=200))
    accounts = [CreditAccount.model_validate(document.data) for document in page.documents]
    return StoreCredit(
        credits=[
            CreditBalance(currency=account.currency, balance=to_major(account.balance_minor, account.currency))
            for account in sorted(accounts, key=lambda account: account.currency)
            if account.balance_minor
        ]
    )
