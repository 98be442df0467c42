"""Decoders without a model: one that says what it is told, one that says anything its grammar allows."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence

import numpy as np

from usher_inference.chat.tokenizer import Tokenizer
from usher_inference.generation.grammars import Grammars
from usher_inference.generation.model import Token, TokenRequest


class ScriptedDecoder:
    """Says these token ids, as far as the request lets it, and keeps the requests."""

    def __init__(self, *answers: Sequence[int], context_tokens: int = 4096, chances: bool = False) -> None:
        self.context_tokens = context_tokens
        self.requests: list[TokenRequest] = []
        self.closed_early = 0
        self._answers = list(answers)
        self._chances = chances

    async def decode(self, request: TokenRequest) -> AsyncGenerator[Token, None]:
        self.requests.append(request)
        said = 0
        try:
            for id in self._answers.pop(0)[: request.max_tokens]:
                said += 1
                yield self._token(id, cached=7 if said == 1 else 0)
                if id in request.stop_ids:
                    return
            said = request.max_tokens
        finally:
            self.closed_early += said < request.max_tokens and (not said or id not in request.stop_ids)

    def _token(self, id: int, cached: int) -> Token:
        if not self._chances:
            return Token(id, cached=cached)
        return Token(id, -0.25, ((id, -0.25), (id + 1, -2.0)), cached)

    async def close(self) -> None:
        return


class RamblingDecoder:
    """Says anything that the grammar allows, every token being as likely as any other but for the ends."""

    def __init__(self, tokenizer_json: str, tokenizer: Tokenizer, seed: int, context_tokens: int = 4096) -> None:
        self.context_tokens = context_tokens
        self._tokenizer = tokenizer
        self._grammars = tokenizer_json
        self._random = random.Random(seed)

    async def decode(self, request: TokenRequest) -> AsyncGenerator[Token, None]:
        assert request.grammar is not None
        size = 1 + max(self._tokenizer.id_of(name) or 0 for name in self._tokenizer.control)
        state = Grammars(self._grammars, size, request.stop_ids).start(request.grammar)
        for _ in range(request.max_tokens):
            bits = np.unpackbits(state.allowed().view(np.uint8), bitorder="little")[:size]
            allowed = np.flatnonzero(bits).tolist()
            ends = [id for id in allowed if id in request.stop_ids]
            # long texts say nothing more about a grammar
            id = self._random.choice(ends if ends and self._random.random() < 0.3 else allowed)
            yield Token(id)
            if id in request.stop_ids:
                return
            state.accept(id)

    async def close(self) -> None:
        return
