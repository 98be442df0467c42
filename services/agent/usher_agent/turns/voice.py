"""The model's words on their way into the stream, and back out of it when they turn out to be no answer."""

from __future__ import annotations

from collections.abc import Callable

from usher_agent.guardrails.output import Check
from usher_agent.guardrails.speech import Speech
from usher_agent.knowledge.citing import without_marks
from usher_agent.turns.model import Turn


class Voice:
    """A Listener that speaks as the turn's current message. `check` makes what examines the words of one answer."""

    def __init__(self, turn: Turn, check: Callable[[], Check | None]) -> None:
        self._turn = turn
        self._check = check
        self._first_id = turn.message_id
        self._attempts = 1
        self._said = False
        self._speech = Speech(self._speak, check())

    def __call__(self, text: str, /) -> None:
        self._speech(text)

    def finish(self) -> None:
        self._speech.finish()

    def start_over(self) -> None:
        """What was said is withdrawn: it stays in the stream, ended, and what follows is another message."""
        if self._said:
            self._turn.log.withdraw(self._turn.message_id)
            self._attempts += 1
            self._turn.message_id = f"{self._first_id}.{self._attempts}a"
            self._said = False
        self._speech = Speech(self._speak, self._check())

    def _speak(self, text: str) -> None:
        self._said = True
        self._turn.log.speak(self._turn.message_id, without_marks(text))
