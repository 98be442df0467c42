"""How often a message reaches the specialist whom it is for, on labelled messages that are written for the purpose.

`data/routing.tsv`: a split's name after `==`, then a message a line: specialist, where the conversation stands, words.
Where it stands is a list of words: the specialist who answered last, `hold` while seats are held, an action that waits
for a yes, `done:` and an action that was carried out. Two thirds are our own, the rest rendered from the phrases of
the simulated customers. Tune and test have no message, no list of phrases and no event in common.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from usher_shared.contracts.handover import OWNERS, SPECIALISTS, SpecialistName, Standing

MESSAGES = Path(__file__).parent / "data" / "routing.tsv"

Split = Literal["tune", "test"]
Decide = Callable[[str, Standing], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Labelled:
    """One message with where the conversation stands, and the specialist whom it is for."""

    specialist: SpecialistName
    standing: Standing
    message: str


def read_labelled(split: Split, file: Path = MESSAGES) -> list[Labelled]:
    """The messages of a split. Raises ValueError for a line that is none."""
    found: list[Labelled] = []
    current = ""
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        if line.startswith("== "):
            current = line[3:]
        elif current == split:
            cells = line.split("\t")
            specialist = next((name for name in SPECIALISTS if name == cells[0]), None)
            if specialist is None or len(cells) != 3:
                raise ValueError(f"{file.name}:{number}: not `specialist<tab>standing<tab>message`")
            found.append(Labelled(specialist, _standing(cells[1].split()), cells[2]))
    return found


def _standing(words: list[str]) -> Standing:
    return Standing(
        specialist=next((name for name in SPECIALISTS if name in words), None),
        proposal=next((action for action in OWNERS if action in words), None),
        holds="hold" in words,
        actions=tuple(word.removeprefix("done:") for word in words if word.startswith("done:")),
    )


async def measure_routing(decide: Decide, split: Split) -> dict[str, Any]:
    """Share right, alone and by specialist, and which were taken for which; `n` is how many there are."""
    labelled = read_labelled(split)
    asked: Counter[str] = Counter()
    right: Counter[str] = Counter()
    mistaken: Counter[str] = Counter()
    for one in labelled:
        decided = await decide(one.message, one.standing)
        asked[one.specialist] += 1
        right[one.specialist] += decided == one.specialist
        if decided != one.specialist:
            mistaken[f"{one.specialist} for {decided}"] += 1
    return {
        "right": round(right.total() / asked.total(), 4),
        "by_specialist": {name: round(right[name] / asked[name], 4) for name in SPECIALISTS if asked[name]},
        "mistaken": dict(mistaken.most_common()),
        "n": asked.total(),
    }
