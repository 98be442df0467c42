"""How well a search finds the passage that answers a question, and how often it finds one where there is none.

A file of questions has one JSON object a line: `question`, `gold` (places as `source#section`, empty where nothing
answers it), and maybe `venue_id`, `split`.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usher_evals.corpus import CorpusError


@dataclass(frozen=True)
class KnowledgeQuestion:
    """A question; `gold` are the places of which one has to be found."""

    text: str
    gold: tuple[str, ...]
    venue_id: str | None = None
    split: str = ""


# the places found, best first; none where the search takes the question for one that nothing answers
KnowledgeSearch = Callable[[KnowledgeQuestion], Awaitable[Sequence[str]]]


@dataclass
class KnowledgeScore:
    """Counts: of `answerable`, gold came first, or among the first three; of `unanswerable`, something was found."""

    answerable: int = 0
    first: int = 0
    among_three: int = 0
    nothing: int = 0
    unanswerable: int = 0
    false_answers: int = 0
    misses: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Shares rounded to four places; `found_nothing` of the answerable, `false_answers` of the others."""
        return {
            "answerable": self.answerable,
            "recall_1": _share(self.first, self.answerable),
            "recall_3": _share(self.among_three, self.answerable),
            "found_nothing": _share(self.nothing, self.answerable),
            "unanswerable": self.unanswerable,
            "false_answers": _share(self.false_answers, self.unanswerable),
        }


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def read_questions(path: Path) -> list[KnowledgeQuestion]:
    """Raises CorpusError naming file and line."""
    questions = []
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} cannot be read") from error
    for number, line in enumerate(lines, 1):
        try:
            given = json.loads(line)
            gold = tuple(map(str, given["gold"]))
            questions.append(
                KnowledgeQuestion(str(given["question"]), gold, given.get("venue_id"), str(given.get("split", "")))
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorpusError(f"{path}:{number}: it is no question with `question` and `gold`") from error
    return questions


async def measure_knowledge(path: Path, search: KnowledgeSearch, split: str | None = None) -> KnowledgeScore:
    """Score `search` over the file's questions, or those of one split. Raises CorpusError."""
    score = KnowledgeScore()
    for question in read_questions(path):
        if split is not None and question.split != split:
            continue
        found = list(await search(question))
        if not question.gold:
            score.unanswerable += 1
            score.false_answers += bool(found)
            if found:
                score.misses.append({"question": question.text, "found": found[:3], "gold": []})
            continue
        score.answerable += 1
        score.nothing += not found
        score.first += bool(found) and found[0] in question.gold
        score.among_three += any(place in question.gold for place in found[:3])
        if not found or found[0] not in question.gold:
            score.misses.append({"question": question.text, "found": found[:3], "gold": list(question.gold)})
    return score
