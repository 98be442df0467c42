"""Embedder over Google's embedding models on Vertex AI, `publishers/google/models/{model}:predict`.

gemini-embedding-001 takes one text a request; vectors shorter than its own 3072 come without length 1.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson

from usher_agent.adapters.openai_embedder import unit
from usher_agent.knowledge.ports import Purpose
from usher_shared.errors import UpstreamFailed
from usher_shared.model_servers.http import ModelHttp, read_limited

MODEL = "gemini-embedding-001"
_TASKS: dict[Purpose, str] = {"document": "RETRIEVAL_DOCUMENT", "query": "RETRIEVAL_QUERY"}
_TOGETHER = 5  # requests under way
_SECONDS: dict[Purpose, float] = {"document": 30.0, "query": 5.0}


class GoogleEmbedder:
    """`access_token` gives a token of an account with `aiplatform.endpoints.predict`."""

    def __init__(
        self,
        project: str,
        location: str,
        access_token: Callable[[], Awaitable[str]],
        *,
        model: str = MODEL,
        dimensions: int = 768,
        base_url: str | None = None,
    ) -> None:
        base = base_url or f"https://{location}-aiplatform.googleapis.com"
        self._url = f"{base}/v1/projects/{project}/locations/{location}/publishers/google/models/{model}:predict"
        self._access_token = access_token
        self._model = model
        self._dimensions = dimensions
        self._http = ModelHttp()

    @property
    def name(self) -> str:
        return f"{self._model}/{self._dimensions}"

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        gate = asyncio.Semaphore(_TOGETHER)

        async def one(text: str) -> list[float]:
            async with gate:
                return await self._one(text, purpose)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(text)) for text in texts]
        return [task.result() for task in tasks]

    async def _one(self, text: str, purpose: Purpose) -> list[float]:
        body: dict[str, Any] = {
            "instances": [{"content": text, "task_type": _TASKS[purpose]}],
            "parameters": {"outputDimensionality": self._dimensions, "autoTruncate": True},
        }
        async with self._http.request(
            "POST",
            self._url,
            headers={"Authorization": f"Bearer {await self._access_token()}"},
            body=orjson.dumps(body),
            timeout_seconds=_SECONDS[purpose],
            span_name="POST vertex/embeddings",
            model=self._model,
        ) as response:
            raw = await read_limited(response)
        try:
            vector = orjson.loads(raw)["predictions"][0]["embeddings"]["values"]
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise UpstreamFailed("the embedding model's answer is no vector") from error
        if not isinstance(vector, list) or len(vector) != self._dimensions:
            raise UpstreamFailed(f"an embedding has not {self._dimensions} dimensions")
        return unit(vector)

    async def close(self) -> None:
        await self._http.close()
