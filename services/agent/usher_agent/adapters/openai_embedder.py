"""Embedder over OpenAI's `/v1/embeddings`, which local servers (vLLM, llama.cpp, Ollama, TEI) speak too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import orjson

from usher_agent.knowledge.ports import Purpose
from usher_shared.errors import UpstreamFailed
from usher_shared.model_servers.http import ModelHttp, read_limited

_BATCH = 32  # texts a request
_QUERY_SECONDS = 5.0
_BATCH_SECONDS = 60.0


class OpenAIEmbedder:
    """`base_url` ends in /v1. Vectors are brought to length 1, so that their product is the cosine."""

    def __init__(self, base_url: str, model: str, *, api_key: str | None = None) -> None:
        self._url = base_url.rstrip("/") + "/embeddings"
        self._model = model
        self._headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._http = ModelHttp()

    @property
    def name(self) -> str:
        return self._model

    async def embed(self, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        found: list[list[float]] = []
        for start in range(0, len(texts), _BATCH):
            found += await self._batch(texts[start : start + _BATCH], purpose)
        return found

    async def _batch(self, texts: Sequence[str], purpose: Purpose) -> list[list[float]]:
        async with self._http.request(
            "POST",
            self._url,
            headers=self._headers,
            body=orjson.dumps({"model": self._model, "input": list(texts), "encoding_format": "float"}),
            timeout_seconds=_QUERY_SECONDS if purpose == "query" else _BATCH_SECONDS,
            span_name="POST embeddings",
            model=self._model,
        ) as response:
            raw = await read_limited(response)
        return [unit(vector) for vector in _vectors(raw, len(texts))]

    async def close(self) -> None:
        await self._http.close()


def _vectors(raw: bytes, count: int) -> list[Any]:
    try:
        items = orjson.loads(raw)["data"]
        by_place = {int(item.get("index", place)): item["embedding"] for place, item in enumerate(items)}
        return [by_place[place] for place in range(count)]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UpstreamFailed("the embeddings' server answered something else than a vector for each text") from error


def unit(vector: Any) -> list[float]:
    """The vector with length 1. Raises UpstreamFailed for what is none."""
    try:
        length = math.sqrt(sum(number * number for number in vector))
    except TypeError as error:
        raise UpstreamFailed("an embedding is no list of numbers") from error
    if not length or not math.isfinite(length):
        raise UpstreamFailed("an embedding has no length")
    return [number / length for number in vector]
