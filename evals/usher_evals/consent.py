"""How well a classifier tells a yes to a proposal from anything else, on annotated dialogues.

A user turn right after a system turn with the act CONFIRM is a yes where its acts hold AFFIRM, and no yes otherwise.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from usher_evals.corpus import Dialogue, read_dialogues

# What the system stated and what the user replied, to whether the reply is a yes.
ConsentClassifier = Callable[[str, str], bool]


@dataclass(frozen=True)
class ConsentReply:
    """A reply to a request for confirmation, and whether it is annotated as a yes."""

    system_text: str
    user_text: str
    is_yes: bool


@dataclass(frozen=True)
class ConsentScore:
    """Counts over a corpus: `false_yes` of the `not_yes` were taken for a yes; `recall` is the share of `yes` found.

    `recall` is between 0 and 1, and 1 for a corpus without a yes.
    """

    yes: int
    not_yes: int
    false_yes: int
    recall: float

    def as_json(self) -> dict[str, int | float]:
        """Return the score as a JSON object, recall rounded to four places."""
        return {
            "yes": self.yes,
            "not_yes": self.not_yes,
            "false_yes": self.false_yes,
            "recall": round(self.recall, 4),
        }


def find_replies(dialogue: Dialogue) -> Iterator[ConsentReply]:
    """Yield the dialogue's replies to requests for confirmation, in order."""
    for before, turn in zip(dialogue.turns, dialogue.turns[1:], strict=False):
        if before.speaker == "system" and before.has_act("CONFIRM") and turn.speaker == "user":
            yield ConsentReply(before.text, turn.text, turn.has_act("AFFIRM"))


def measure_consent(path: Path, classify: ConsentClassifier) -> ConsentScore:
    """Score `classify` over the corpus at `path`. Raises CorpusError where the file cannot be read."""
    yes = not_yes = found = false_yes = 0
    for dialogue in read_dialogues(path):
        for reply in find_replies(dialogue):
            says_yes = classify(reply.system_text, reply.user_text)
            if reply.is_yes:
                yes += 1
                found += says_yes
            else:
                not_yes += 1
                false_yes += says_yes
    return ConsentScore(yes, not_yes, false_yes, found / yes if yes else 1.0)
