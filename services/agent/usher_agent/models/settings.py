"""How an operator names models: one object each, in the order in which they are asked."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from usher_agent.models.prices import FREE, Price, listed_price

Kind = Literal["usher", "openai", "vertex", "vertex-openai", "gemini"]
_NEEDS_URL = ("openai", "vertex", "vertex-openai")


class PriceSettings(BaseModel):
    """US dollars per million tokens; `cached` are those of the prompt that the server had kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: float = Field(ge=0)
    completion: float = Field(ge=0)
    cached: float | None = Field(default=None, ge=0)


class ModelSettings(BaseModel):
    """One model.

    `kind`: `usher` (our inference service), `openai` (any server that speaks its API), `vertex` (a Vertex AI endpoint,
    by rawPredict), `vertex-openai` (Vertex AI's OpenAI-compatible surface) or `gemini`. `url`: for `openai` and
    `vertex-openai` the base URL, for `vertex` the endpoint's. `key_env` names the environment variable with the key.
    `gemini` goes by key, or by `project` and `location` on Vertex AI. Without `price` it is looked up in the list of
    known prices; what `usher` serves costs nothing a token.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    kind: Kind
    name: str = Field(min_length=1)
    url: str | None = None
    key_env: str | None = Field(default=None, pattern="^[A-Z][A-Z0-9_]*$")
    project: str | None = None
    location: str | None = None
    timeout_seconds: float = Field(default=30.0, gt=0)
    temperature: float | None = Field(default=None, ge=0, le=2)
    price: PriceSettings | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.kind in _NEEDS_URL and not self.url:
            raise ValueError(f"{self.kind} needs a url")
        if self.kind == "gemini" and (self.key_env is None) == (self.project is None or self.location is None):
            raise ValueError("gemini needs either key_env, or project and location")
        if self.kind in ("vertex", "vertex-openai") and self.key_env is not None:
            raise ValueError(f"{self.kind} goes by the account of this service: it takes no key")
        return self

    def known_price(self) -> Price | None:
        if self.price is not None:
            return Price(self.price.prompt, self.price.completion, self.price.cached)
        return FREE if self.kind == "usher" else listed_price(self.name)
