"""What each kind of change does to seats and orders, in the transaction of the caller.

`settle` carries out what was paid (or given back), `undo` takes back what was reserved. Both read before they write.
"""

from __future__ import annotations

from pydantic import BaseModel

from usher_shared.documents import Transaction
from usher_tools.office import Office
from usher_tools.orders.model import Intent
from usher_tools.orders.purchase import settle_purchase, undo_purchase
from usher_tools.orders.refund import settle_refund, undo_refund
from usher_tools.orders.upgrade import settle_upgrade, undo_upgrade
from usher_tools.payments.ports import Charge


async def settle(tx: Transaction, office: Office, intent: Intent, charge: Charge | None) -> BaseModel | None:
    """The answer; None when the seats are no longer to be had: nothing was written then.

    A Conflict (event_cancelled) says the same of what was to be paid, with its own reason.
    """
    answer: BaseModel | None
    if intent.kind == "create_order":
        answer = await settle_purchase(tx, office, intent, charge)
    elif intent.kind == "upgrade_tickets":
        answer = await settle_upgrade(tx, office, intent, charge)
    else:
        answer = await settle_refund(tx, office, intent)
    if answer is not None and intent.waiver is not None:
        used = intent.waiver.model_copy(update={"status": "used", "used_at": office.now()[1]})
        tx.set("policy_waivers", used.id, used.model_dump(mode="json"))
    return answer


async def undo(tx: Transaction, office: Office, intent: Intent) -> None:
    """Give back what was reserved for the intent; the order is as it was before."""
    if intent.kind == "create_order":
        await undo_purchase(tx, office, intent)
    elif intent.kind == "upgrade_tickets":
        await undo_upgrade(tx, office, intent)
    else:
        await undo_refund(tx, office, intent)
