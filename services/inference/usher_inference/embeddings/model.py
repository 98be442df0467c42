"""The wire of OpenAI's embeddings, and what an embedder answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST_TEXTS = 2048  # OpenAI's limit


def _as_texts(given: object) -> object:
    if isinstance(given, str):
        return [given]
    if isinstance(given, list) and given and isinstance(given[0], int | list):
        raise ValueError("token ids are of another tokenizer; send texts (LangChain: check_embedding_ctx_length=False)")
    return given


_Texts = Annotated[
    list[Annotated[str, Field(min_length=1)]], Field(min_length=1, max_length=MOST_TEXTS), BeforeValidator(_as_texts)
]


class EmbeddingRequest(BaseModel):
    """A text or a list of texts, and how their vectors are written."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1, max_length=256)
    input: _Texts
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A vector of length 1 for each text, in their order, and the tokens of all texts together."""

    vectors: Sequence[Sequence[float]]
    tokens: int
