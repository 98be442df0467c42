"""A request on its way through the batcher."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator

import numpy as np

from usher_inference.generation.grammars import GrammarState
from usher_inference.generation.model import Token, TokenRequest
from usher_inference.generation.ports import Choice, Row
from usher_inference.metrics import Outcome


class Inbox:
    """What a job's reader hears of it. Belongs to the reader's event loop; `post` is for any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[Token] = deque()
        self._end: Exception | None = None
        self._ended = False
        self._change = asyncio.Event()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def hear(self, token: Token | None, end: Exception | bool) -> None:
        """A token, and whether it was the last one (or the error that ended the answer)."""
        if token is not None:
            self._arrived.append(token)
        if end is not False and not self._ended:
            self._ended = True
            self._end = end if isinstance(end, Exception) else None
        self._change.set()

    async def tokens(self) -> AsyncGenerator[Token, None]:
        while True:
            while self._arrived:
                yield self._arrived.popleft()
            if self._end is not None:
                raise self._end
            if self._ended:
                return
            self._change.clear()
            await self._change.wait()


class Job:
    """Belongs to the worker's thread, but for `inbox` and `given_up`, which the event loop sets once."""

    def __init__(self, request: TokenRequest, most_tokens: int, grammar: GrammarState | None) -> None:
        self.request = request
        self.inbox = Inbox()
        self.given_up: Outcome | None = None
        self.slot = -1  # until it has one
        self.computed = 0  # positions in the cache
        self.reused = 0  # of them, those that were there before
        self.answer: list[int] = []
        self.queued_at = time.monotonic()
        self.admitted_at = self.first_token_at = self.token_at = 0.0  # not yet
        self._most_tokens = most_tokens
        self._grammar = grammar
        sampling = request.sampling
        # OpenAI's seeds may be negative
        seed = None if sampling.seed is None else sampling.seed % (1 << 64)
        self._draws = np.random.default_rng(seed) if sampling.temperature > 0 else None
        # kept along, not counted anew for each token: an answer may have thousands
        self._said: Counter[int] | None = None
        if sampling.presence_penalty != 0 or sampling.frequency_penalty != 0:
            self._said = Counter()
        self._line = list(request.prompt) if sampling.repetition_penalty != 1 else None

    @property
    def is_reading(self) -> bool:
        """Its prompt is not in the cache yet, but for the last token."""
        return self.computed < len(self.request.prompt) - 1

    @property
    def unread(self) -> int:
        """How many tokens of its prompt are not in the cache."""
        return max(0, len(self.request.prompt) - self.computed)

    @property
    def outcome(self) -> Outcome | None:
        """How the answer ended by itself; None while it goes on."""
        if self.answer and self.answer[-1] in self.request.stop_ids:
            return "stop"
        return "length" if len(self.answer) >= self._most_tokens else None

    def row(self, most: int) -> Row:
        """What it needs computed next, at most so many tokens. Raises UpstreamFailed when its grammar cannot go on."""
        prompt = self.request.prompt
        if self.answer:
            return Row(self.slot, self.computed, self.answer[-1:], self._choice())
        end = min(len(prompt), self.computed + most)
        return Row(
            self.slot, self.computed, prompt[self.computed : end], self._choice() if end == len(prompt) else None
        )

    def take(self, token: Token) -> Token:
        """The token was chosen for it. As its reader gets it."""
        if self._grammar is not None and token.id not in self.request.stop_ids:
            self._grammar.accept(token.id)
        self.answer.append(token.id)
        if self._said is not None:
            self._said[token.id] += 1
        if self._line is not None:
            self._line.append(token.id)
        if len(self.answer) == 1 and self.reused:
            return Token(token.id, token.logprob, token.top, self.reused)
        return token

    def _choice(self) -> Choice:
        request = self.request
        return Choice(
            request.sampling,
            draw=float(self._draws.random()) if self._draws is not None else 0.0,
            allowed=self._grammar.allowed() if self._grammar is not None else None,
            penalised=self._said,
            repeated=self._line or (),
            top_logprobs=request.top_logprobs,
        )
