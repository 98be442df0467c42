from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from usher_evals.insights.labelled import read_labelled
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import Deps, create_app
from usher_inference.completions.model import Delta, Finished, Prompt, TextDelta, Usage
from usher_inference.settings import Settings
from usher_logger.warehouse.dataset import load_dataset
from usher_shared.clock import ManualClock
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "s" * 48
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class WritingEngine:
    """A model that writes these answers, one a request, and keeps what it was asked."""

    model = "writer"
    version = "7"

    def __init__(self, *answers: str | dict[str, Any]) -> None:
        self._answers = list(answers)
        self.prompts: list[Prompt] = []

    def count_tokens(self, text: str) -> int:
        return len(text)

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        await asyncio.sleep(0)
        if prompt.json is None:  # readiness
            yield TextDelta("Hello")
            yield Finished("stop", Usage(1, 1))
            return
        self.prompts.append(prompt)
        answer = self._answers.pop(0)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        for at in range(0, len(text), 7):
            yield TextDelta(text[at : at + 7])
        yield Finished("stop", Usage(1, len(text)))


def library(question: str, **more: Any) -> dict[str, Any]:
    """A request about the city library."""
    found = read_labelled("city_library", load_dataset()).request
    return found.model_dump(mode="json", exclude_none=True) | {"user_query": question} | more


class Asking:
    """An app with these engines, asked over HTTP as the CLI."""

    def __init__(self, engines: Sequence[WritingEngine], **settings: Any) -> None:
        clock = ManualClock(NOW)
        deps = Deps(FixedModels(tuple(engines), NOW), LocalTokenVerifier(SECRET), clock, UlidGenerator())
        self._app = create_app(Settings(**settings), deps)

    async def ask(self, body: Any, *, caller: str = "cli") -> httpx2.Response:
        token = await LocalTokenSource(caller, SECRET).token("inference")
        transport = httpx2.ASGITransport(self._app)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://inference", headers=headers) as client:
            return await client.post("/v1/insights", json=body)


@pytest.fixture
def offline() -> Asking:
    return Asking([])
