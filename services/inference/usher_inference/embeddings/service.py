"""Answering a request for embeddings."""

from __future__ import annotations

import base64
import sys
from array import array
from collections.abc import Sequence
from typing import Any

from usher_inference.completions.model import model_not_found
from usher_inference.embeddings.model import EmbeddingRequest
from usher_inference.embeddings.ports import Embedder
from usher_shared.errors import InvalidRequest


async def answer(embedders: Sequence[Embedder], request: EmbeddingRequest) -> dict[str, Any]:
    """OpenAI's list of embeddings. Raises NotFound (model), InvalidRequest and what the embedder raises."""
    embedder = _named(embedders, request.model)
    if request.dimensions is not None and request.dimensions != embedder.dimensions:
        raise InvalidRequest(
            f"{embedder.model} has {embedder.dimensions} dimensions, and no fewer or more",
            extra={"param": "dimensions"},
        )
    embedded = await embedder.embed(request.input)
    write = _base64 if request.encoding_format == "base64" else list
    return {
        "object": "list",
        "model": embedder.model,
        "data": [
            {"object": "embedding", "index": index, "embedding": write(vector)}
            for index, vector in enumerate(embedded.vectors)
        ],
        "usage": {"prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens},
    }


def _named(embedders: Sequence[Embedder], model: str) -> Embedder:
    for embedder in embedders:
        if embedder.model == model:
            return embedder
    raise model_not_found(model)


def _base64(vector: Sequence[float]) -> str:
    """Little-endian 32-bit floats, as OpenAI's clients read them."""
    numbers = array("f", vector)
    if sys.byteorder == "big":
        numbers.byteswap()
    return base64.b64encode(numbers.tobytes()).decode()
