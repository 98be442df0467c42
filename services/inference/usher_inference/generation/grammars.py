"""Which tokens a grammar allows next, by llguidance."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from llguidance import LLMatcher, LLParserLimits, LLTokenizer
from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

from usher_shared.errors import InvalidRequest, UpstreamFailed

_KEPT: Final = 64  # grammars
_TRIED: Final = 32  # tokens: past the head of a call, into its first values


class GrammarState:
    """One answer's way through its grammar."""

    def __init__(self, matcher: LLMatcher, vocabulary: int) -> None:
        self._matcher = matcher
        self._mask = allocate_token_bitmask(1, vocabulary)

    def allowed(self) -> npt.NDArray[np.uint32]:
        """A bit a token of the vocabulary, lowest first. Raises UpstreamFailed when the grammar cannot go on."""
        fill_next_token_bitmask(self._matcher, self._mask)
        if self._matcher.is_error():
            # what the matcher says of it quotes the answer, which is no log's business
            raise UpstreamFailed("the answer cannot follow its grammar", code="grammar_failed")
        mask: npt.NDArray[np.uint32] = self._mask[0].view(np.uint32)
        return mask

    def accept(self, token: int) -> None:
        self._matcher.consume_token(token)


class Grammars:
    """`tokenizer` is the text of a `tokenizer.json`, `vocabulary` the width of the model's logits.

    `stop_ids` end an answer wherever its grammar lets it end.
    """

    def __init__(self, tokenizer: str, vocabulary: int, stop_ids: Collection[int]) -> None:
        self._tokenizer = LLTokenizer(tokenizer, n_vocab=vocabulary, eos_token=sorted(stop_ids))
        self._vocabulary = vocabulary
        self._stop_ids = sorted(stop_ids)
        # an agent offers the same tools turn after turn: compiling takes milliseconds, copying microseconds
        self._compiled = lru_cache(maxsize=_KEPT)(self._compile)

    def start(self, grammar: str) -> GrammarState:
        """In any thread. Raises InvalidRequest for a grammar that does not compile, or is too large to be followed."""
        return GrammarState(self._compiled(grammar).deep_copy(), self._vocabulary)

    def _compile(self, grammar: str) -> LLMatcher:
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0, limits=LLParserLimits(verbose_errors=False))
        if matcher.is_error():
            raise InvalidRequest(f"the grammar does not compile: {matcher.get_error()[:300]}", code="invalid_grammar")
        self._try(matcher.deep_copy())
        return matcher

    def _try(self, matcher: LLMatcher) -> None:
        """Some limits show where a grammar is followed: the request's fault as long as no answer was begun."""
        mask = allocate_token_bitmask(1, self._vocabulary)
        for _ in range(_TRIED):
            fill_next_token_bitmask(matcher, mask)
            if matcher.is_error():
                reason = matcher.get_error().splitlines()[0][:300]
                raise InvalidRequest(f"the grammar is too large: {reason}", code="invalid_grammar")
            bits = np.unpackbits(mask[0].view(np.uint8), bitorder="little")[: self._vocabulary]
            bits[self._stop_ids] = 0
            if not bits.any():
                return
            # the tags come last in a vocabulary: into a call where there may be one
            matcher.consume_token(int(np.flatnonzero(bits)[-1]))
