"""What chat needs of a decoder, and what the batcher needs of a model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from usher_inference.generation.model import Sampling, Token, TokenRequest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Decoder(Protocol):
    """A model that continues many token sequences at once."""

    @property
    def context_tokens(self) -> int:
        """The most tokens that a prompt and its answer may have together."""
        ...

    def decode(self, request: TokenRequest) -> AsyncGenerator[Token, None]:
        """The answer's tokens as they are chosen, the stop token included.

        Ends after a token of `stop_ids` or after `max_tokens`. Closing the generator (`aclose`) cancels the request
        and frees its place. Raises, before the first token, InvalidRequest (prompt too long, grammar that does not
        compile) and RateLimited (the queue is full; with `retry_after_seconds`); at any time UpstreamTimeout (the
        deadline passed), UpstreamFailed (its model broke) and Unavailable (the decoder is closing).
        """
        ...

    async def close(self) -> None:
        """Refuse what is new, finish what runs, free the model."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """How the next token of a row is chosen.

    `allowed` is a bit mask over the vocabulary (uint32, llguidance's layout), None for everything. `draw` is a number
    in [0, 1) that decides a sampled token. `penalised` are ids of the answer so far with their counts; `repeated`
    those of prompt and answer, where a repetition penalty is asked for.
    """

    sampling: Sampling
    draw: float = 0.0
    allowed: npt.NDArray[np.uint32] | None = None
    penalised: dict[int, int] | None = None
    repeated: Sequence[int] = ()
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Put `tokens` into the cache of `slot` from position `start` on, and choose what follows them (unless None)."""

    slot: int
    start: int
    tokens: Sequence[int]
    choice: Choice | None


class BatchModel(Protocol):
    """A causal model with `slots` caches of `context_tokens` positions each. Called by one thread at a time."""

    @property
    def slots(self) -> int: ...

    @property
    def context_tokens(self) -> int: ...

    @property
    def vocabulary(self) -> int:
        """The width of its logits; a tokenizer may know fewer."""
        ...

    def step(self, rows: Sequence[Row]) -> Sequence[Token | None]:
        """One forward pass over rows of different slots, some a token long and some a piece of a prompt.

        One entry a row: the chosen token; None where none was to be chosen, or where none could be.
        """
        ...

    def copy(self, source: int, target: int, length: int) -> None:
        """The first `length` positions of one slot's cache into another's."""
        ...

    def close(self) -> None: ...
