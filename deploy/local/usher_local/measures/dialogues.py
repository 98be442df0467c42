"""The measures on annotated dialogues: the services' own code, scored by the evaluation package."""

from datetime import date
from pathlib import Path
from typing import Any

from usher_agent.consent import says_yes
from usher_evals.consent import measure_consent
from usher_evals.understanding import CorpusCatalogue, TurnReading, measure_understanding
from usher_inference.understanding import CatalogueHints, Intent, Understanding, understand_dialogue


def measure_consent_file(path: Path) -> dict[str, Any]:
    """How often the agent's consent classifier takes a reply to a stated proposal for what it is.

    Raises usher_evals.corpus.CorpusError where the file cannot be read.
    """
    return dict(measure_consent(path, says_yes).as_json())


def measure_understanding_file(path: Path) -> dict[str, Any]:
    """Share right of intent, tickets, city, date and event in a corpus file, and how many of each under `n`.

    Raises usher_evals.corpus.CorpusError where the file cannot be read.
    """
    return measure_understanding(path, understand_turn)


def understand_turn(
    history: list[tuple[str, str]], message: str, catalogue: CorpusCatalogue, today: date
) -> TurnReading:
    """One user turn read by the offline engine, in the measure's terms."""
    hints = CatalogueHints(events=catalogue.events, cities=catalogue.cities)
    found = understand_dialogue(history, message, hints, today)
    slots = found.slots
    day = slots.date
    return TurnReading(
        intent=_find_or_buy(found),
        tickets=slots.quantity,
        city=slots.city.name if slots.city else None,
        day=day.start if day and day.is_single_day else None,
        any_date=slots.any_date,
        event=slots.event.name if slots.event else None,
    )


def _find_or_buy(found: Understanding) -> str:
    """The stronger of the two intents the measure knows; another intent only where neither was seen."""
    ranked = (found.intent, *found.also)
    return next((intent for intent in ranked if intent in (Intent.FIND, Intent.BUY)), found.intent).value
