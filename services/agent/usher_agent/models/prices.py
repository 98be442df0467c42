"""What a completion costs, from its tokens and a table of prices; nothing is guessed where either is missing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from usher_agent.models.ports import Completion, CompletionRequest

NANOS = 1_000_000_000  # in a dollar
_CHARACTERS_PER_TOKEN = 2  # of a prompt whose server does not count: real text has three to five


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per million tokens.

    `cached` is what a prompt's tokens cost that the server had kept; None: as much as the others.
    """

    prompt: float
    completion: float
    cached: float | None = None

    def __post_init__(self) -> None:
        if min(self.prompt, self.completion, self.cached or 0.0) < 0:
            raise ValueError("a price cannot be negative")

    @property
    def is_free(self) -> bool:
        return not (self.prompt or self.completion or self.cached)


FREE = Price(0.0, 0.0)


def cost_nanos(price: Price | None, completion: Completion) -> int | None:
    """Billionths of a US dollar, rounded; None when the price or the tokens are not known."""
    if price is None:
        return None
    if price.is_free:
        return 0
    if not completion.prompt_tokens:  # no prompt is empty: the server does not count
        return None
    return _nanos(price, completion.prompt_tokens, completion.completion_tokens, completion.cached_tokens)


def largest_cost_nanos(price: Price | None, request: CompletionRequest, completion: Completion) -> int:
    """A cost that is not below the real one, for a budget: of what the server did not count, by its characters."""
    if price is None or price.is_free:
        return 0
    known = cost_nanos(price, completion)
    if known is not None:
        return known
    read = sum(len(str(message)) for message in request.messages) + sum(len(str(tool)) for tool in request.tools)
    written = len(completion.text) + sum(len(call.arguments) for call in completion.tool_calls)
    return _nanos(price, read // _CHARACTERS_PER_TOKEN, written // _CHARACTERS_PER_TOKEN + 1, 0)


def _nanos(price: Price, read: int, written: int, kept: int) -> int:
    kept = min(kept, read)
    cached = price.prompt if price.cached is None else price.cached
    # a dollar per million tokens is a thousand nanodollars per token
    return round((price.prompt * (read - kept) + cached * kept + price.completion * written) * 1000)


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(files("usher_agent.models").joinpath("prices.json").read_text("utf-8"))
    return table


def listed_price(model: str) -> Price | None:
    """From `prices.json`, under exactly this name; a publisher before it (`google/`) does not matter."""
    found = _table()["models"].get(model.removeprefix("google/"))
    return None if found is None else Price(found["prompt"], found["completion"], found.get("cached"))
