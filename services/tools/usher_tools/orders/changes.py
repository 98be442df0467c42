"""What each kind of change does to seats and orders, in the transaction of the caller.

`settle` carries out what was paid (or given back), `undo` takes back what was reserved. Both read before they write.
Store credit and exceptions from policies are the same for every kind, and are accounted for here.
"""

from __future__ import annotations

from pydantic import BaseModel

from usher_shared.documents import Transaction
from usher_tools.office import Office
from usher_tools.orders.exchange import settle_exchange, undo_exchange
from usher_tools.orders.model import Intent
from usher_tools.orders.purchase import settle_purchase, undo_purchase
from usher_tools.orders.refund import credit_back, settle_return, undo_return
from usher_tools.orders.upgrade import settle_upgrade, undo_upgrade
from usher_tools.payments.ports import Charge
from usher_tools.policies.service import spend_waiver
from usher_tools.store_credit.service import What, change_account, read_account


async def settle(tx: Transaction, office: Office, intent: Intent, charge: Charge | None) -> BaseModel | None:
    """The answer; None when the seats are no longer to be had: nothing was written then.

    A Conflict (event_cancelled) says the same of what was to be paid, with its own reason.
    """
    granted, account = credit_back(intent), None
    if granted:
        account = await read_account(tx, intent.customer_id, intent.currency)
    answer: BaseModel | None
    if intent.kind == "create_order":
        answer = await settle_purchase(tx, office, intent, charge)
    elif intent.kind == "upgrade_tickets":
        answer = await settle_upgrade(tx, office, intent, charge)
    elif intent.kind == "exchange_order":
        answer = await settle_exchange(tx, office, intent, charge)
    else:
        answer = await settle_return(tx, office, intent, account)
    if answer is None:
        return None
    now = office.now()[1]
    if account is not None:
        what: What = "granted" if intent.kind == "credit_order" else "refunded"
        change_account(tx, account, granted, what, intent_id=intent.id, order_id=intent.order_id, at=now)
    if intent.waiver is not None:
        spend_waiver(tx, intent.waiver, now)
    return answer


async def undo(tx: Transaction, office: Office, intent: Intent) -> None:
    """Give back what was reserved for the intent, store credit too; the order is as it was before."""
    account = await read_account(tx, intent.customer_id, intent.currency) if intent.credit_minor else None
    if intent.kind == "create_order":
        await undo_purchase(tx, office, intent)
    elif intent.kind == "upgrade_tickets":
        await undo_upgrade(tx, office, intent)
    elif intent.kind == "exchange_order":
        await undo_exchange(tx, office, intent)
    else:
        await undo_return(tx, office, intent)
    if account is not None:
        now, amount = office.now()[1], intent.credit_minor
        change_account(tx, account, amount, "returned", intent_id=intent.id, order_id=intent.order_id, at=now)
