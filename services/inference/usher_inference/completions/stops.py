"""Cutting streamed text before a stop text, also where it comes in pieces."""

from __future__ import annotations

from usher_inference.completions.model import TextDelta, TokenChance


class StopCutter:
    """Holds back the tail that may be the beginning of a stop text. `met` once one was found."""

    def __init__(self, stops: tuple[str, ...]) -> None:
        self._stops = stops
        self._held = ""
        self._waiting: list[tuple[int, TokenChance]] = []  # where each token begins, from the start of what is held
        self.met = False

    def feed(self, delta: TextDelta) -> TextDelta:
        """What can be sent of the text so far; the chances of tokens that begin in it come with it."""
        at = len(self._held)
        self._held += delta.text
        for chance in delta.chances:
            self._waiting.append((min(at, len(self._held)), chance))
            at += len(chance.text)
        met = [at for stop in self._stops if (at := self._held.find(stop)) >= 0]
        if met:
            self.met = True
            return self._release(min(met))
        return self._release(len(self._held) - max(_overlap(self._held, stop) for stop in self._stops))

    def rest(self) -> TextDelta:
        """What was held back and turned out to be no stop text."""
        length = len(self._held)
        ready = self._release(length)
        late, self._waiting = tuple(chance for _, chance in self._waiting), []
        return TextDelta(ready.text, ready.chances + late)

    def _release(self, length: int) -> TextDelta:
        text, self._held = self._held[:length], self._held[length:]
        count = next((n for n, (at, _) in enumerate(self._waiting) if at >= length), len(self._waiting))
        chances = tuple(chance for _, chance in self._waiting[:count])
        self._waiting = [(at - length, chance) for at, chance in self._waiting[count:]]
        return TextDelta(text, chances)


def _overlap(text: str, stop: str) -> int:
    """How many characters at the end of the text may begin the stop text."""
    return next((n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0)
