"""How an operator names models that run elsewhere."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

_NEEDS_URL = ("openai", "vertex", "vertex-openai")


class RemoteModel(BaseModel):
    """One model: `model` is the id that requests name it by here, `name` the one that it has there.

    `kind`: `openai` (any server that speaks its API), `vertex` (a Vertex AI endpoint, by rawPredict), `vertex-openai`
    (Vertex AI's OpenAI-compatible surface) or `gemini`. `url`: for `openai` and `vertex-openai` the base URL, for
    `vertex` the endpoint's. `key_env` names the environment variable with the key. `gemini` goes by key, or by
    `project` and `location` on Vertex AI.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    kind: Literal["openai", "vertex", "vertex-openai", "gemini"]
    model: str = Field(min_length=1, max_length=128)
    name: str = Field(min_length=1)
    url: str | None = None
    key_env: str | None = Field(default=None, pattern="^[A-Z][A-Z0-9_]*$")
    project: str | None = None
    location: str | None = None
    timeout_seconds: float = Field(default=100.0, gt=0)

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.kind in _NEEDS_URL and not self.url:
            raise ValueError(f"{self.kind} needs a url")
        if self.kind == "gemini" and (self.key_env is None) == (self.project is None or self.location is None):
            raise ValueError("gemini needs either key_env, or project and location")
        if self.kind in ("vertex", "vertex-openai") and self.key_env is not None:
            raise ValueError(f"{self.kind} goes by the account of this service: it takes no key")
        return self
