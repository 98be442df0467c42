"""A protected action that another program asks for becomes a proposal to the customer, exactly as in a chat.

It is put in a conversation of its own; the customer answers at POST /confirmations/{id}, or there in words. Whoever
asks the same again learns how it stands: the same confirmation while it waits, the tool's answer once it was done.
An ending without an effect (declined by the customer, refused by the box office) is told once; then it may be asked
anew. One of which the box office cannot tell what became is told for a day, so that it is not done twice.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from usher_agent.boxoffice.model import Identity, InvalidCall, check_arguments
from usher_agent.boxoffice.ports import BoxOffice, Caller
from usher_agent.confirmations.model import PROPOSALS, UNFINISHED, Proposal
from usher_agent.turns.model import TurnCommand
from usher_agent.turns.offering import bind
from usher_agent.turns.opening import OfferMade
from usher_agent.turns.service import Turns
from usher_shared.clock import Clock, from_timestamp
from usher_shared.contracts.chat import ConfirmationView
from usher_shared.contracts.identity import Principal
from usher_shared.contracts.proposals import ProposalAnswer, ProposalRequest
from usher_shared.contracts.tools.offering import DEFAULT_METHOD
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, Gone, Unprocessable, UpstreamFailed, UsherError
from usher_shared.idempotency import request_name
from usher_shared.ids import IdGenerator

_KEEP = timedelta(hours=24)  # as long as an Idempotency-Key is remembered
_ATTEMPTS = 3


class Proposals:
    def __init__(
        self,
        *,
        store: DocumentStore,
        box: BoxOffice,
        clock: Clock,
        ids: IdGenerator,
        turns: Turns,
        timeout_seconds: float,
    ) -> None:
        self._store = store
        self._box = box
        self._clock = clock
        self._ids = ids
        self._turns = turns
        self._timeout_seconds = timeout_seconds

    async def ask(self, asked: ProposalRequest, principal: Principal) -> ProposalAnswer:
        """How the request stands; a new one is put to the customer.

        Raises Unprocessable (arguments), what the box office refuses to quote with,
        UpstreamFailed (a broken quote), and Conflict: `confirmation_rejected`, the code that the confirmed action was
        refused with, `confirmation_unsettled` (approved, outcome not known yet), `outcome_unresolved` (only a person
        finds out; `ticket_id` where there is one), `conversation_busy`.
        """
        identity = Identity(principal.customer_id, DEFAULT_METHOD)
        try:
            arguments = check_arguments(asked.action, asked.arguments, identity)
        except InvalidCall as error:
            raise Unprocessable(error.detail, code="validation_failed") from error
        text = json.dumps(arguments, sort_keys=True)
        scope = (principal.client_id, principal.customer_id, asked.action, text)
        request = request_name(scope, asked.idempotency_key or "")
        last = await self._find(request)
        answer = await self._standing(last) if last else None
        if answer is None:
            await self._offer(request, (asked.action, arguments), identity, principal.client_id, last)
            made = await self._find(request)
            answer = await self._standing(made) if made else None
        if answer is None:
            raise Conflict("the offer has changed meanwhile; ask again", code="offer_changed", retry_after_seconds=1.0)
        return answer

    async def _find(self, request: str) -> Proposal | None:
        """The newest proposal of the request."""
        query = Query(PROPOSALS, (Filter("request", "==", request),), order_by="created_at", descending=True, limit=1)
        found = (await self._store.query(query)).documents
        return Proposal.from_document(found[0].data) if found else None

    async def _standing(self, proposal: Proposal) -> ProposalAnswer | None:
        """What is to be told of the request's newest proposal; None when the way is free for another."""
        proposal = await self._settled(proposal)
        now = self._clock.now()
        if proposal.state == "pending" and not proposal.has_expired(now):
            return ProposalAnswer(
                status="confirmation_required",
                confirmation=ConfirmationView.model_validate(proposal.view()),
                conversation_id=proposal.conversation_id,
            )
        recent = from_timestamp(proposal.updated_at) + _KEEP > now
        if proposal.state == "done" and recent:
            return ProposalAnswer(status="done", answer=proposal.outcome, conversation_id=proposal.conversation_id)
        if proposal.state in UNFINISHED:
            raise Conflict(
                "the customer has approved this; the box office has not answered yet",
                code="confirmation_unsettled",
                retry_after_seconds=1.0,
            )
        if proposal.is_unresolved and recent:
            raise _ending(proposal)
        if proposal.state in ("rejected", "failed") and not proposal.told:
            await self._tell(proposal.id)
            raise _ending(proposal)
        return None

    async def _settled(self, proposal: Proposal) -> Proposal:
        """The proposal once the turn that carries it out in this process, if one does, has ended."""
        running = self._turns.running(proposal.conversation_id) if proposal.state in ("pending", *UNFINISHED) else None
        if running is None:
            return proposal
        await running.response()
        document = await self._store.get(PROPOSALS, proposal.id)
        return Proposal.from_document(document) if document else proposal

    async def _tell(self, id: str) -> None:
        async def fn(tx: Transaction) -> None:
            document = await tx.get(PROPOSALS, id)
            if document is not None:
                tx.set(PROPOSALS, id, {**document, "told": True})

        await self._store.transaction(fn)

    async def _offer(
        self,
        request: str,
        action: tuple[str, dict[str, Any]],
        identity: Identity,
        client_id: str,
        last: Proposal | None,
    ) -> None:
        """Quote the action and put the offer to the customer, once however many ask at a time."""
        for attempt in range(_ATTEMPTS):
            # the same for all that ask at once, another one after every ending
            digest = request_name((request, last.id if last else ""), str(attempt))
            caller = Caller(client_id, identity.customer_id, f"CONV_{digest[:26].upper()}")
            offer = await self._quote(action, identity, caller)
            offer.request = request
            command = TurnCommand(client_id, identity.customer_id, caller.conversation_id, offer=offer)
            try:
                await self._turns.say(command)
            except OfferMade:
                return
            except Gone:  # begun, never made and erased since
                continue
            except Conflict as error:
                if error.code == "conversation_ended":  # begun, never made and left
                    continue
                running = self._turns.running(caller.conversation_id)
                if running is None:
                    raise
                await running.response()
            return

    async def _quote(self, action: tuple[str, dict[str, Any]], identity: Identity, caller: Caller) -> Proposal:
        name, arguments = action
        question = {"action": name, "arguments": arguments}
        quote = await self._box.run("quote", question, caller, timeout_seconds=self._timeout_seconds)
        try:
            return bind(
                self._ids.new("CONF"), quote, asked=action, identity=identity, caller=caller, now=self._clock.now()
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UpstreamFailed("the box office's quote cannot be used", code="bad_quote") from error


def _ending(proposal: Proposal) -> UsherError:
    if proposal.state == "rejected":
        return Conflict(
            "the customer declined; nothing was charged. Ask again only if the customer wants it after all",
            code="confirmation_rejected",
        )
    outcome = proposal.outcome or {}
    extra = {key: value for key, value in outcome.items() if key not in ("error", "detail")}
    detail = str(outcome.get("detail") or "the confirmed action was refused")
    if proposal.is_unresolved:
        detail = "it is not known whether this was done; a person is looking at it. Do not ask for it again before"
    # what became of the money is the box office's to say: a charge may have been made and given back
    return Conflict(detail, code=proposal.error_code or "refused", extra=extra)
