"""`usher measure routing`: the agent's routers, as they run in production, on the labelled messages."""

from __future__ import annotations

import time
from typing import Any

from usher_agent.adapters.openai_chat_model import OpenAIChatModel
from usher_agent.models.ports import ChatModel
from usher_agent.routing.by_model import ModelRouter
from usher_agent.routing.model import Situation
from usher_agent.routing.ports import Router
from usher_agent.routing.words import WordRouter
from usher_evals.routing import Split, measure_routing
from usher_local.in_process_playbook import InProcessPlaybook
from usher_shared.contracts.handover import Route, Standing


class _Undecided:
    """Shows how often a model leaves the decision to the words."""

    def __init__(self) -> None:
        self.asked = 0
        self._words = WordRouter()

    async def route(self, situation: Situation) -> Route:
        self.asked += 1
        return await self._words.route(situation)


async def measure(by: str, split: Split, *, url: str | None = None, key: str | None = None) -> dict[str, Any]:
    """`by`: `words`, or the name of a model, at `url` (ending in /v1) or the playbook in this process.

    Beside what `measure_routing` tells: `left_to_words`, and `ms`, the mean time of a decision.
    """
    undecided = _Undecided()
    model: ChatModel | None = None
    router: Router = WordRouter()
    if by != "words":
        model = OpenAIChatModel(url, by, api_key=key) if url else InProcessPlaybook()
        router = ModelRouter(model, undecided, timeout_seconds=30.0, least_confidence=0.5)

    async def decide(message: str, standing: Standing) -> str:
        situation = Situation(
            message=message,
            specialist=standing.specialist,
            proposal=standing.proposal,
            holds=standing.holds,
            actions=standing.actions,
        )
        return (await router.route(situation)).specialist

    started = time.perf_counter()
    try:
        measured = await measure_routing(decide, split)
    finally:
        if model is not None:
            await model.close()
    spent_ms = (time.perf_counter() - started) * 1000
    return {**measured, "left_to_words": undecided.asked, "ms": round(spent_ms / measured["n"], 3)}
