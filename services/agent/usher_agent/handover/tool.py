"""`hand_over`: the turn goes on at once with a colleague's prompt and tools, and with all that was said."""

from __future__ import annotations

from typing import Any, Final

from usher_agent.boxoffice.service import ToolOutcome
from usher_agent.guardrails.untrusted import harmless
from usher_agent.streams.model import custom
from usher_agent.turns.model import Turn
from usher_agent.turns.own_tools import OwnTool
from usher_shared.contracts.handover import HAND_OVER, HandedOver, HandOver
from usher_shared.errors import Conflict

MOST: Final = 2  # in one turn
HANDOFF: Final = "handoff"  # the name of the AG-UI event


async def _run(turn: Turn, given: HandOver) -> dict[str, Any]:
    """Raises Conflict for a hand-over that would lead nowhere: to oneself, back, or once too often."""
    if given.specialist == turn.specialist:
        raise Conflict("that is this very colleague", code="already_yours")
    if given.specialist in turn.passed_by:
        detail = f"{given.specialist} had this message before; the customer waits for an answer"
        raise Conflict(detail, code="handed_back")
    if len(turn.passed_by) >= MOST:
        detail = "this message was handed over often enough; the customer waits for an answer"
        raise Conflict(detail, code="too_many_hand_overs")
    reason = harmless(" ".join(given.reason.split()))
    turn.log.end_text()
    turn.log.emit(custom(HANDOFF, {"from": turn.specialist, "to": given.specialist, "reason": reason}))
    _pass_on(turn, given)
    return HandedOver(specialist=given.specialist).model_dump()


def _pass_on(turn: Turn, given: HandOver) -> None:
    turn.passed_by.append(turn.specialist)
    turn.specialist = given.specialist


def _restore(turn: Turn, given: HandOver, outcome: ToolOutcome) -> None:
    """The stream has shown it already."""
    if outcome.status == "ok":
        _pass_on(turn, given)


hand_over: Final = OwnTool(
    HAND_OVER,
    "Let a colleague go on with this conversation, at once. The colleague sees all that was said.",
    HandOver,
    _run,
    _restore,
)
