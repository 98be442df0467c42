"""What charges, moves or refunds at a partner: once per confirmation, whatever happens in between.

The action is written, and the confirmation with it consumed, before the partner is asked; the partner's idempotency
key is the confirmation's id. After a crash or a lost answer the partner is asked again under that key alone: it
answers what it did, or does it while the quote lives. Outcome, idempotency record and event are one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from usher_shared.clock import from_timestamp
from usher_shared.contracts.confirmations import Confirmation, ProtectedAction
from usher_shared.contracts.money import format_money
from usher_shared.contracts.tools import TOOLS, Answer, Arguments, GetOrder, OrderView, Quote
from usher_shared.documents import Filter, Query, Transaction
from usher_shared.errors import ConfirmationRequired, Conflict, UpstreamFailed, UsherError, error_from_status
from usher_shared.events import Event
from usher_shared.telemetry import current_traceparent
from usher_tools.office import Call, Office, answer_json
from usher_tools.orders.confirming import confirmed_quote, require_confirmation
from usher_tools.orders.model import IntentLease
from usher_tools.partner.agreement import are_shown, is_as_agreed
from usher_tools.partner.announcing import announcements
from usher_tools.partner.checking import check_answer
from usher_tools.partner.model import PartnerAction, Refusal
from usher_tools.partner.ports import NothingDone, OutcomeUnknown, Partner, PartnerCall
from usher_tools.quotes.service import canonical, parse_arguments
from usher_tools.support.model import StoredTicket

_LOG = logging.getLogger(__name__)
_COLLECTION = "partner_actions"
# the partner keeps its keys for a day (docs/guides/box-office-partner.md): beyond that it cannot tell any more
_GIVE_UP = timedelta(hours=24)


def _lease(call: Call) -> IntentLease | None:
    lease = call.lease
    if lease is None:
        return None
    return IntentLease(record_id=lease.record_id, owner=lease.owner, fingerprint=lease.fingerprint)


def _resume(action: PartnerAction, confirmation: Confirmation, call: Call) -> PartnerAction:
    """The earlier action of this confirmation, if this call repeats the one that made it.

    Raises ConfirmationRequired (spent by another call), Conflict action_in_progress.
    """
    same = action.customer_id == call.customer_id and action.confirmation.fingerprint == confirmation.fingerprint
    if same and call.lease is not None and action.lease is not None and call.lease.record_id == action.lease.record_id:
        return action.model_copy(update={"lease": _lease(call), "asked": action.asked + 1}) if action.open else action
    if same and action.open:
        raise Conflict("this confirmation is being carried out", code="action_in_progress", retry_after_seconds=1)
    raise ConfirmationRequired("this confirmation has been used", extra={"consumed": True})


async def carry_out(partner: Partner, name: ProtectedAction, arguments: Arguments, call: Call) -> dict[str, Any]:
    """Consume the confirmation, then have the partner act; or go on with an earlier try of the same call.

    Raises ConfirmationRequired, Conflict (quote_expired, partner_unavailable: nothing was done), OutcomeUnknown,
    and what the partner refuses with.
    """
    office, confirmation = call.office, require_confirmation(name, arguments, call)

    async def claim(tx: Transaction) -> PartnerAction:
        await call.check(tx)
        data = await tx.get(_COLLECTION, confirmation.id)
        if data is not None:
            action = _resume(PartnerAction.model_validate(data), confirmation, call)
            tx.set(_COLLECTION, action.id, action.model_dump(mode="json"))
            return action
        quote = await confirmed_quote(tx, confirmation, call)
        if quote.relayed is None:  # of before the venue's own system was asked
            raise Conflict("the quote is not of the present box office; quote again", code="quote_expired")
        action = PartnerAction(
            id=confirmation.id,
            status="asked",
            open=True,
            action=name,
            arguments=quote.arguments,
            confirmation=confirmation,
            quote=Quote.model_validate(quote.relayed),
            customer_id=call.customer_id,
            client_id=call.client_id,
            conversation_id=call.conversation_id,
            traceparent=current_traceparent(),
            lease=_lease(call),
            created_at=office.now()[1],
        )
        tx.create(_COLLECTION, action.id, action.model_dump(mode="json"))
        return action

    action = await office.store.transaction(claim)
    return _recorded(await _advance(office, partner, action) if action.open else action)


def _recorded(action: PartnerAction) -> dict[str, Any]:
    """The answer of an action that has ended. Raises what it was refused with."""
    if action.answer is not None and action.status == "done":
        return action.answer
    refusal = action.refusal
    if refusal is None:
        raise UpstreamFailed(
            "the venue's system did not say soundly what it did; a person will look at it",
            code="outcome_unresolved",
            extra={"ticket_id": action.ticket_id} if action.ticket_id else None,
        )
    raise error_from_status(refusal.status, refusal.detail, code=refusal.code)


async def _ask(partner: Partner, action: PartnerAction) -> tuple[Answer, dict[str, OrderView]]:
    """What the partner did, and the orders that it concerns as they are now."""
    arguments = parse_arguments(TOOLS[action.action].arguments, action.arguments)
    wanted = PartnerCall(action.action, action.arguments, action.customer_id, action.id, action.confirmation)
    answer = check_answer(action.action, arguments, await partner.ask(wanted))
    named = [getattr(answer, name, None) for name in ("order_id", "new_order_id")]
    try:
        orders = {id: await _order(partner, id, action.customer_id) for id in named if id is not None}
    except UsherError as error:  # it has acted: no failure of this look may pass for a refusal of the action
        raise OutcomeUnknown("the venue's system does not show the order that it has made") from error
    return answer, orders


async def _order(partner: Partner, order_id: str, customer_id: str) -> OrderView:
    wanted = GetOrder(order_id=order_id)
    body = await partner.ask(PartnerCall("get_order", canonical(wanted), customer_id))
    return cast(OrderView, check_answer("get_order", wanted, body))


async def _advance(office: Office, partner: Partner, action: PartnerAction) -> PartnerAction:
    """Ask, and write down what came of it. Raises OutcomeUnknown: the action stays open, to be asked again."""
    try:
        answer, orders = await _ask(partner, action)
    except NothingDone as error:
        detail = "the venue's system cannot be reached; nothing was charged or changed"
        refusal = Refusal(status=409, code=error.code, detail=detail)
        ended = await _end(office, action.id, refusal, unless_asked_again=True)
        if ended.open:  # another try may go through, or have gone through
            raise OutcomeUnknown("the venue's system cannot be asked what became of this") from error
        return ended
    except UsherError as error:
        if error.http_status >= 500:
            raise OutcomeUnknown(error.detail) from error
        return await _end(office, action.id, Refusal(status=error.http_status, code=error.code, detail=error.detail))
    body, events = answer_json(answer), _told(office, action, answer, orders)
    if events is None:
        return await _end(office, action.id, None, answer=body)
    return await _settle(office, action.id, body, events)


def _told(
    office: Office, action: PartnerAction, answer: Answer, orders: Mapping[str, OrderView]
) -> Sequence[Event] | None:
    """The events of what was done; None where it is not what was agreed, or cannot be told."""
    about = {"action": action.id, "tool": action.action}
    try:
        if is_as_agreed(answer, action.quote) and are_shown(orders, answer, action.quote):
            return announcements(action, answer, orders, office)
    except Exception:  # whatever no check foresaw is for a person: asked again it would only be the same
        _LOG.exception("what the partner did cannot be told", extra=about)
        return None
    _LOG.error("the partner did something else than agreed", extra=about)
    return None


async def _read(tx: Transaction, id: str) -> PartnerAction:
    data = await tx.get(_COLLECTION, id)
    if data is None:
        raise UpstreamFailed(f"action {id} is missing", code="action_missing")
    return PartnerAction.model_validate(data)


async def _end(
    office: Office, id: str, refusal: Refusal | None, *, answer: Any = None, unless_asked_again: bool = False
) -> PartnerAction:
    """End the action without an effect of ours: refused, or where there is no refusal unresolved, with a ticket."""
    ticket_id = office.ids.new("SUP")

    async def fn(tx: Transaction) -> PartnerAction:
        action = await _read(tx, id)
        if action.open and not (unless_asked_again and action.asked > 1):
            status = "refused" if refusal else "unresolved"
            changes = {"status": status, "open": False, "refusal": refusal, "answer": answer}
            changes["ticket_id"] = None if refusal else ticket_id
            action = action.model_copy(update=changes)
            tx.set(_COLLECTION, id, action.model_dump(mode="json"))
            if refusal is None:
                tx.create("support_tickets", ticket_id, _ticket(action, office).model_dump(mode="json"))
        return action

    return await office.store.transaction(fn)


def _ticket(action: PartnerAction, office: Office) -> StoredTicket:
    answer = action.answer or {}
    said = "something else than was agreed, or shows the order so" if answer else "nothing sound within a day"
    total = format_money(action.quote.total_minor, action.quote.currency)
    agreed = f"{action.quote.summary} ({total}), confirmed as {action.id}"
    return StoredTicket(
        subject="What the venue's system did is not known",
        details=f"Asked for: {agreed}. It answered {said}: look there under this Idempotency-Key.",
        order_id=action.arguments.get("order_id") or answer.get("order_id"),
        customer_id=action.customer_id,
        client_id=action.client_id,
        conversation_id=action.conversation_id,
        created_at=office.now()[1],
    )


async def _settle(office: Office, id: str, body: dict[str, Any], events: Sequence[Event]) -> PartnerAction:
    """One transaction: the outcome, the idempotency record, the event."""

    async def fn(tx: Transaction) -> PartnerAction:
        action = await _read(tx, id)
        if not action.open:
            return action
        lease = action.lease
        record = None if lease is None else await tx.get("idempotency", lease.record_id)
        if lease is not None and record is not None and record["owner"] == lease.owner and record["status"] is None:
            office.records.finish(tx, lease.idempotency(), 200, body)
        for event in events:
            office.outbox.add(tx, event)
        action = action.model_copy(update={"status": "done", "open": False, "answer": body})
        tx.set(_COLLECTION, id, action.model_dump(mode="json"))
        return action

    with office.outbox.nudging():
        return await office.store.transaction(fn)


async def _ask_again(office: Office, partner: Partner, id: str) -> None:
    async def take(tx: Transaction) -> PartnerAction:
        action = await _read(tx, id)
        if action.open:
            action = action.model_copy(update={"asked": action.asked + 1})
            tx.set(_COLLECTION, id, action.model_dump(mode="json"))
        return action

    action = await office.store.transaction(take)
    if action.open:
        await _advance(office, partner, action)


async def reconcile_actions(office: Office, partner: Partner) -> int:
    """Ask again for the open actions that no call waits for any more, each under its own key; how many are open.

    Safe beside live requests and other processes: the partner acts once per key, ends are transactional.
    """
    page = await office.store.query(Query(_COLLECTION, (Filter("open", "==", True),), "created_at", limit=200))
    now = office.clock.now()
    for document in page.documents:
        age = now - from_timestamp(document.data["created_at"])
        try:
            if age >= _GIVE_UP:
                _LOG.error("an action at the partner stays unresolved", extra={"action": document.id})
                await _end(office, document.id, None)
            elif age >= timedelta(seconds=office.settings.partner_action_seconds):
                await _ask_again(office, partner, document.id)
        except UsherError as error:  # stays open: the next round asks again
            _LOG.warning("action at the partner not reconciled", extra={"action": document.id, "code": error.code})
        except Exception:  # the others do not wait for this one
            _LOG.exception("action at the partner not reconciled", extra={"action": document.id})
    return len(page.documents)
