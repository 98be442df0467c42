"""Which cache a request gets, and how much of its prompt is there already."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_WORTH_COPYING = 16  # tokens; a shorter common beginning is computed again


class Slots:
    """What the cache of each slot holds. It stays after its request, for those who continue or share it."""

    def __init__(self, count: int, context_tokens: int) -> None:
        self._tokens = np.zeros((count, context_tokens), np.int32)
        self._lengths = np.zeros(count, np.int64)
        self._idle: dict[int, None] = dict.fromkeys(range(count))  # the longest idle first

    def take(self, prompt: Sequence[int]) -> tuple[int, int, int]:
        """(slot, source, length): the first `length` tokens of the prompt are in the cache of `source`.

        Where source is another slot, its cache has to be copied. The last token of the prompt is never counted: it
        has to be computed for what follows it. Raises IndexError when no slot is idle.
        """
        wanted = np.asarray(prompt[:-1], np.int32)
        common = self._common(wanted)
        # a conversation that goes on: of what the slot holds, little is lost
        going_on = [slot for slot in self._idle if 2 * common[slot] > self._lengths[slot]]
        slot = max(going_on, key=lambda each: common[each]) if going_on else next(iter(self._idle))
        source = int(np.argmax(common))
        if common[source] < common[slot] + _WORTH_COPYING:
            source = slot
        length = int(common[source])
        del self._idle[slot]
        self._tokens[slot, :length] = wanted[:length]
        self._lengths[slot] = length
        return slot, source, length

    def fill(self, slot: int, tokens: Sequence[int]) -> None:
        """These tokens follow what the slot holds."""
        begin = int(self._lengths[slot])
        self._tokens[slot, begin : begin + len(tokens)] = tokens
        self._lengths[slot] = begin + len(tokens)

    def free(self, slot: int) -> None:
        self._idle[slot] = None

    def forget(self) -> None:
        """No cache can be trusted any more."""
        self._lengths[:] = 0

    def _common(self, wanted: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        """How many tokens each slot has in common with `wanted` from the beginning."""
        width = len(wanted)
        if not width:
            return np.zeros(len(self._lengths), np.int64)
        differs = self._tokens[:, :width] != wanted
        differs |= np.arange(width) >= self._lengths[:, None]
        found: npt.NDArray[np.int64] = np.where(differs.any(axis=1), differs.argmax(axis=1), width)
        return found
