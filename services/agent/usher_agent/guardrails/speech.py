"""The model's words on their way to the customer: only what was checked gets out, a sentence at a time."""

from __future__ import annotations

from collections.abc import Callable

from usher_agent.guardrails.marks import has_tags, speakable_length
from usher_agent.guardrails.output import Check, Verdict
from usher_shared.personal import mask_cards

_ENDS = frozenset(".!?\n")


class Speech:
    """Takes the text of one completion as it comes, and passes on what is checked; `check` None lets all pass.

    A card number has no end of a sentence in it, so that it is whole in what is passed on, however it was split.
    """

    def __init__(self, speak: Callable[[str], None], check: Check | None) -> None:
        self._speak = speak
        self._check = check
        self._text = ""
        self._spoken = 0

    def __call__(self, delta: str) -> None:
        self._text += delta
        if not _ENDS.isdisjoint(self._text[max(self._spoken, len(self._text) - len(delta) - 6) :]):
            self._pass_on(whole=False)

    def finish(self) -> None:
        """All has come: pass on the rest, unless it holds markup."""
        if not has_tags(self._text):
            self._pass_on(whole=True)

    def _pass_on(self, *, whole: bool) -> None:
        end = speakable_length(self._text) if not whole else len(self._text)
        if self._check is not None:
            end = self._check.read(self._text[:end], whole=whole).good
        elif not whole:
            end = max(self._text.rfind(mark, 0, end) for mark in _ENDS) + 1
        if end > self._spoken:
            self._speak(mask_cards(self._text[self._spoken : end]))
            self._spoken = end


def examine(text: str, check: Check | None) -> Verdict:
    """The verdict on a whole text; all of it is good without a check."""
    return Verdict(len(text)) if check is None else check.read(text, whole=True)
