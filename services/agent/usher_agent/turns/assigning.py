"""Whose turn it is: as the router decides for a message, else whose matter is settled."""

from __future__ import annotations

from usher_agent.models.budget import Budget
from usher_agent.models.ports import Completion
from usher_agent.routing.model import Situation
from usher_agent.routing.ports import Router
from usher_agent.specialists.model import FRONT_DESK
from usher_agent.turns.model import Turn, TurnCommand
from usher_shared.contracts.handover import OWNERS, SpecialistName


def holder(command: TurnCommand, action: str | None, last: SpecialistName | None) -> SpecialistName:
    """Who speaks in a turn that nobody is asked for: `action` is the one that is offered or settled in it."""
    action = command.offer.action if command.offer is not None else action
    return OWNERS.get(action or "", last or FRONT_DESK)


async def assign(router: Router, turn: Turn, budget: Budget) -> None:
    """Route the turn's message; a turn without one stays with whom it is."""
    command, opening = turn.command, turn.opening
    if command.message is None:
        return
    proposal = opening.open or opening.execute
    conversation = opening.conversation

    def charge(completion: Completion) -> None:
        turn.spending.charge(completion)
        budget.add(completion, turn.charged_nanos)

    turn.route = await router.route(
        Situation(
            message=_told(turn) or command.message,
            specialist=conversation.specialist,
            proposal=proposal.action if proposal is not None else None,
            holds=bool(conversation.holds),
            actions=tuple(conversation.actions),
            last_reply=_last_reply(turn),
            conversation_id=conversation.id,
            customer_id=command.customer_id,
            charge=charge,
            free_only=budget.is_spent(turn.charged_nanos),
        )
    )
    turn.specialist = turn.route.specialist


def _told(turn: Turn) -> str:
    """The message as models are told it: without personal data."""
    told = next((m for m in reversed(turn.messages) if m["role"] == "user"), None)
    return str(told["content"]) if told is not None else ""


def _last_reply(turn: Turn) -> str:
    last = next((m for m in reversed(turn.history) if m["role"] == "assistant" and m.get("content")), None)
    return str(last["content"]) if last is not None else ""
