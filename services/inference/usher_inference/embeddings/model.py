"""The wire of OpenAI's embeddings, and what an embedder answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

MOST_TEXTS = 2048  # OpenAI's limit
_Text = Annotated[str, Field(min_length=1)]


class EmbeddingRequest(BaseModel):
    """`input` is one text or a list of texts. Token ids are another tokenizer's, and not understood."""

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1, max_length=256)
    input: _Text | Annotated[list[_Text], Field(min_length=1, max_length=MOST_TEXTS)]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = Field(default=None, ge=1)

    @field_validator("input", mode="before")
    @classmethod
    def _is_text(cls, given: object) -> object:
        first = given[0] if isinstance(given, list) and given else None
        if isinstance(first, int | list):
            raise ValueError(
                "token ids are another tokenizer's: send texts (LangChain: check_embedding_ctx_length=False)"
            )
        return given

    @property
    def texts(self) -> list[str]:
        return [self.input] if isinstance(self.input, str) else self.input


@dataclass(frozen=True, slots=True)
class Embedded:
    """A vector of length 1 for each text, in their order, and the tokens of all texts together."""

    vectors: Sequence[Sequence[float]]
    tokens: int
