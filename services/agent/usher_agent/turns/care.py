"""Turns that are no matter for a model: the agent itself answers distress and abuse."""

from __future__ import annotations

from datetime import datetime

from usher_agent.guardrails.distress import PERSON, Distress, read_distress, reply_to
from usher_agent.settings import Settings
from usher_agent.turns.model import Turn
from usher_agent.turns.reply import say


def take_care(turn: Turn, settings: Settings, now: datetime) -> bool:
    """Answer a message of distress or abuse; False for any other, which the model answers.

    Where somebody may be in danger, what waits for a yes is withdrawn: nothing is sold to them now.
    """
    if turn.command.message is None:
        return False
    distress = read_distress(turn.command.message)
    if distress is None:
        return False
    proposal = turn.opening.open
    if distress is not Distress.ABUSE and proposal is not None:
        proposal.move("superseded", now)
        turn.opening.changed.append(proposal)
        turn.opening.open = None
    lines, emergency = settings.crisis_lines, settings.emergency_number
    first = reply_to(distress, lines=lines, emergency=emergency)
    begun = first.removesuffix(PERSON)
    often = sum((message.get("content") or "").startswith(begun) for message in turn.history)
    words = reply_to(distress, lines=lines, emergency=emergency, often=often)
    # an offer that stays open is the one question
    say(turn, words if turn.opening.open is None else words.removesuffix(PERSON))
    return True
