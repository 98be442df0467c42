"""A reply that rests on documents names them, or says that it does not know."""

from __future__ import annotations

from datetime import datetime

from usher_agent.knowledge.citing import cite, found_earlier, has_marks
from usher_agent.turns.model import Turn
from usher_shared.contracts.handover import HAND_OVER
from usher_shared.contracts.knowledge import SEARCH_KNOWLEDGE

_BESIDE = (SEARCH_KNOWLEDGE, HAND_OVER)  # tools after which there is nothing to state but what documents say


def read_sources(turn: Turn, text: str, now: datetime) -> str | None:
    """The reply's text without its marks, its sources noted; None when it states what no source says.

    A turn that did not search costs one look for a mark.
    """
    if turn.sources.found is None:
        if not has_marks(text):
            return text
        earlier = cite(text, found_earlier([*turn.history, *turn.messages], now))
        turn.sources.citations = earlier.citations
        return earlier.text
    cited = cite(text, {**found_earlier(turn.history, now), **turn.sources.found}, lambda: _looked_up(turn))
    if cited.is_bare and _rests_on_documents(turn):
        return None
    turn.sources.citations = cited.citations
    return cited.text


def _looked_up(turn: Turn) -> str:
    """What other tools answered in this conversation; read only for a reply without a source."""
    messages = (*turn.history, *turn.messages)
    return " ".join(m["content"] for m in messages if m["role"] == "tool" and m.get("name") not in _BESIDE)


def _rests_on_documents(turn: Turn) -> bool:
    """Whether nothing else was looked up or done in this turn that the reply could rest on."""
    return turn.executed is None and all(call["name"] in _BESIDE for call in turn.calls if call["status"] == "ok")
