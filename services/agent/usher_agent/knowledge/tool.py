"""`search_knowledge` as a tool that the agent runs itself."""

from __future__ import annotations

from typing import Any

import orjson

from usher_agent.guardrails.untrusted import fence
from usher_agent.knowledge.model import Hit, Question
from usher_agent.knowledge.ports import KnowledgeIndex
from usher_agent.turns.model import Turn
from usher_agent.turns.own_tools import OwnTool
from usher_shared.clock import Clock, to_timestamp
from usher_shared.contracts.knowledge import SEARCH_DESCRIPTION, SEARCH_KNOWLEDGE, SearchKnowledge

NOTHING = "no document answers this: say that you do not know, and offer a person"


def search_tool(index: KnowledgeIndex, clock: Clock) -> OwnTool[SearchKnowledge]:
    """The tool on that index. What it finds is kept with the turn, so that the reply can cite it and nothing else."""

    async def run(turn: Turn, given: SearchKnowledge) -> dict[str, Any]:
        turn.sources.add(())
        question = Question(given.query, clock.now(), given.category, given.venue_id, given.event_id, limit=given.limit)
        hits = [passage_of(hit) for hit in await index.search(question)]
        passages = orjson.loads(fence(orjson.dumps(hits).decode()))  # the reply's citations quote them
        turn.sources.add(passages)
        return {"passages": passages} if passages else {"passages": [], "detail": NOTHING}

    return OwnTool(SEARCH_KNOWLEDGE, SEARCH_DESCRIPTION, SearchKnowledge, run)


def passage_of(hit: Hit) -> dict[str, Any]:
    """As `contracts.knowledge.Passage`, without what is not known."""
    chunk, about = hit.chunk, hit.chunk.about
    passage = {
        "id": chunk.id,
        "title": about.title,
        "source": hit.source,
        "section": chunk.section,
        "page": chunk.page,
        "category": about.category,
        "venue_id": about.venue_id,
        "event_id": about.event_id,
        "language": about.language,
        "score": hit.score,
        "text": chunk.text,
        "valid_until": to_timestamp(about.valid_until) if about.valid_until else None,
    }
    return {key: value for key, value in passage.items() if value is not None}
