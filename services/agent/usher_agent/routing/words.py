"""The router that needs no model: the message's own words, weighed, then where the conversation stands.

A few dozen microseconds: one pass of precompiled expressions over the message's start. When the words do not tell,
the conversation stays with whom it is.
"""

from __future__ import annotations

import re

from usher_agent.routing.model import Situation
from usher_agent.routing.phrases import ASSENT, EVIDENCE, OWN, RULES, TURNED_DOWN
from usher_agent.routing.shape import ASKS, BOUGHT, GIVEN_BACK, GREETS, HOUSE, NICER, SELLING
from usher_agent.specialists.model import FRONT_DESK
from usher_shared.contracts.handover import OWNERS, Route, SpecialistName

_READ = 600  # characters: what is wanted is said early, and a long message must not take long
_CLEAR = 0.75  # from here on the words alone decide
_TURNS_AWAY = 0.9  # from here on they do so even while a proposal of somebody else's is open
_SPACES = re.compile(r"\s+")
_WORDS = re.compile(r"[a-z]+")


class WordRouter:
    """See Router."""

    async def route(self, situation: Situation) -> Route:
        """At once, in this process."""
        return decide(situation)


def decide(situation: Situation) -> Route:
    """The same for the same situation."""
    current = _current(situation)
    weights = _weigh(situation)
    best = max(weights, key=weights.__getitem__, default=current)
    weight = weights.get(best, 0.0)
    if best == current or weight < _CLEAR:
        return Route(specialist=current, confidence=max(0.5, weights.get(current, 0.0)), reason="goes on")
    if situation.proposal is not None and weight < _TURNS_AWAY:
        return Route(specialist=current, confidence=0.5, reason="an offer is open")
    return Route(specialist=best, confidence=weight, reason="words")


def _current(situation: Situation) -> SpecialistName:
    """Whose the conversation is before the message says otherwise."""
    if situation.proposal is not None:
        return OWNERS.get(situation.proposal, FRONT_DESK)
    if situation.specialist == "faq" and situation.holds and ASSENT.match(situation.message):
        return "purchase"
    return situation.specialist or FRONT_DESK


def _weigh(situation: Situation) -> dict[SpecialistName, float]:
    text = _SPACES.sub(" ", situation.message[:_READ].lower().replace("’", "'")).strip()
    text = TURNED_DOWN.sub(",", text)
    weights: dict[SpecialistName, float] = {}
    for specialist, weight, pattern in EVIDENCE:
        if weight > weights.get(specialist, 0.0) and pattern.search(text):
            weights[specialist] = weight
    bought = BOUGHT.search(text) is not None
    if not OWN.search(text) and not (bought and "support" in weights) and RULES.search(text):
        return {"faq": 0.97}  # how it is in general, not what is to be done
    _add_shape(weights, situation, text, bought=bought)
    return weights


def _add_shape(weights: dict[SpecialistName, float], situation: Situation, text: str, *, bought: bool) -> None:
    """What the message is made of, where no phrase names the matter: what is owned, asked, of the house."""
    flowing = (situation.holds and not situation.actions) or situation.proposal is not None
    words = set(_WORDS.findall(text))
    asks = ASKS.search(text) is not None
    nicer = not words.isdisjoint(NICER)
    if bought and (nicer or "upgrade" in weights) and words.isdisjoint(GIVEN_BACK):
        weights["upgrade"] = max(weights.get("upgrade", 0.0), 0.95)
    elif bought and not flowing and weights.get("faq", 0.0) < _TURNS_AWAY:
        weights["support"] = max(weights.get("support", 0.0), 0.94 if asks or "purchase" in weights else 0.86)
    if not words.isdisjoint(HOUSE):
        weights["faq"] = max(weights.get("faq", 0.0), 0.91 if asks else _CLEAR)
    elif asks and not weights and situation.specialist in (None, "faq") and not _sells(words, text):
        weights["faq"] = _CLEAR


def _sells(words: set[str], text: str) -> bool:
    return not words.isdisjoint(SELLING) or any(map(str.isdigit, text)) or GREETS.search(text) is not None
