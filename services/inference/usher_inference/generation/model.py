"""What is asked of a model token by token, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from usher_shared.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a token is chosen among the likely ones.

    `temperature` 0 takes the likeliest. `top_k` 0, `top_p` 1 and `min_p` 0 leave everything in. `seed` makes a
    request repeatable on the same model and version. The penalties are OpenAI's (added to logits, by the answer's own
    tokens); `repetition_penalty` is Hugging Face's (divides, by prompt and answer).
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    seed: int | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """Continue `prompt` (token ids) by at most `max_tokens`, ending after one of `stop_ids`.

    `grammar` is a grammar in llguidance's Lark dialect that the answer has to follow. `top_logprobs` asks for the
    logarithm of each chosen token's probability and of that many alternatives; None asks for neither.
    `deadline_seconds` is how long the whole answer may take from now, waiting included.
    """

    prompt: Sequence[int]
    max_tokens: int
    stop_ids: frozenset[int]
    sampling: Sampling = field(default_factory=Sampling)
    grammar: str | None = None
    top_logprobs: int | None = None
    deadline_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A chosen token. Log probabilities are natural logarithms after masks and penalties, before temperature."""

    id: int
    logprob: float | None = None
    top: tuple[tuple[int, float], ...] = ()  # (token id, log probability), likeliest first
    cached: int = 0  # on the first token: how many of the prompt's were already in the cache


def too_long(request: TokenRequest, context_tokens: int) -> InvalidRequest:
    """What a decoder says to a prompt that leaves no room for an answer."""
    return InvalidRequest(
        f"the model reads and writes at most {context_tokens} tokens together; "
        f"the messages and tools are {len(request.prompt)}",
        code="context_length_exceeded",
        extra={"param": "messages"},
    )
