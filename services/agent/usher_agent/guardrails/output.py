"""The output check: nothing reaches the customer that the conversation gives no ground for.

A text is checked sentence by sentence, as it comes. Sentences without figures and promises cost a glance.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from usher_agent.guardrails.claims import Conduct, may_promise, sentences, unsupported_claims, unsupported_deeds
from usher_agent.guardrails.figures import NUMBER_WORDS, figures, names_place
from usher_agent.guardrails.grounds import Grounds, ground_of_schemas, has_digit
from usher_agent.guardrails.witness import Witness

_REMEMBERED = 512  # conversations whose grounds are kept


def _is_harmless(sentence: str) -> bool:
    """Whether there is neither figure nor promise in it, so that nothing has to be read."""
    low = sentence.lower()
    return (
        low.isascii()
        and not (has_digit(low) or names_place(sentence))
        and not any(word in low for word in NUMBER_WORDS)
        and not may_promise(low)
    )


@dataclass(slots=True)
class Verdict:
    """`good` is the length of the text up to the first sentence that was not borne out; `missing` says what is not."""

    good: int = 0
    missing: list[str] = field(default_factory=list)


class Check:
    """The check of one reply in the making. `read` gives it the text so far."""

    def __init__(self, source: Source, conduct: Conduct) -> None:
        self._source = source
        self._conduct = conduct
        self._witness: Witness | None = None
        self.verdict = Verdict()

    def read(self, text: str, *, whole: bool) -> Verdict:
        """Check the sentences that are complete (all of them when `whole`) beyond what was checked."""
        verdict = self.verdict
        if verdict.missing:
            return verdict
        parts = [*sentences(text[verdict.good :])]
        for number, sentence in enumerate(parts):
            ended = sentence.endswith((" ", "\n", "\t")) or number < len(parts) - 1
            if not ended and not whole:
                break
            missing = self._missing(sentence, text[: verdict.good + len(sentence)])
            if missing:
                verdict.missing = missing
                break
            verdict.good += len(sentence)
        return verdict

    def _missing(self, sentence: str, so_far: str) -> list[str]:
        if _is_harmless(sentence):
            return []
        grounds = self._source.grounds()
        words = sentence.strip().strip("*_ ")
        if len(words) > 12 and words.endswith((".", "!", "?")) and grounds.told(words):
            # a text that others wrote may be read out, but what it says was done for this customer needs a tool
            return unsupported_deeds(sentence, so_far, grounds, self._conduct)
        if self._witness is None:
            self._witness = Witness(grounds, self._source.base, self._source.now)
        missing = [figure.said.strip() for figure in self._witness.unsupported(figures(sentence), sentence)]
        if may_promise(sentence):
            missing += unsupported_claims(sentence, so_far, grounds, self._conduct)
        return missing


class Source:
    """Where a turn's check finds the conversation's grounds; they are read when the first sentence needs them."""

    def __init__(
        self,
        keeper: GroundsKeeper,
        conversation_id: str,
        history: Sequence[dict[str, Any]],
        messages: Sequence[dict[str, Any]],
        now: datetime,
    ) -> None:
        self._keeper = keeper
        self._conversation_id = conversation_id
        self._history = history
        self._messages = messages
        self.base = keeper.base
        self.now = now

    def grounds(self) -> Grounds:
        return self._keeper.read(self._conversation_id, self._history, self._messages)


class GroundsKeeper:
    """The grounds of the conversations of this process, each read once and then added to."""

    def __init__(self, tools: list[dict[str, Any]], zone: tzinfo) -> None:
        self.base = ground_of_schemas(tools)
        self.zone = zone
        self._known: OrderedDict[str, tuple[Grounds, dict[str, Any]]] = OrderedDict()

    def source(
        self, conversation_id: str, history: Sequence[dict[str, Any]], messages: Sequence[dict[str, Any]], now: datetime
    ) -> Source:
        return Source(self, conversation_id, history, messages, now.astimezone(self.zone))

    def read(
        self, conversation_id: str, history: Sequence[dict[str, Any]], messages: Sequence[dict[str, Any]]
    ) -> Grounds:
        """With everything said so far. A message that was read is recognised by identity."""
        known = self._known.get(conversation_id)
        grounds, last = known if known is not None else (Grounds(), None)
        new = _after(last, messages)
        if new is None:
            earlier = _after(last, history)
            if earlier is None:
                grounds, earlier = Grounds(), [*history]
            new = [*earlier, *messages]
        grounds.add(new)
        if new:
            self._known[conversation_id] = (grounds, new[-1])
            self._known.move_to_end(conversation_id)
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return grounds

    def forget(self, conversation_id: str) -> None:
        self._known.pop(conversation_id, None)


def _after(last: dict[str, Any] | None, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """The messages after that very one; None when it is not among them."""
    if last is None:
        return None
    for index in range(len(messages) - 1, -1, -1):
        if messages[index] is last:
            return [*messages[index + 1 :]]
    return None
