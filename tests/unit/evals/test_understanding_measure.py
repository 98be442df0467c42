"""The understanding measure over a small corpus of its own."""

import json
from datetime import date
from pathlib import Path

import pytest

from usher_evals.corpus import CorpusError
from usher_evals.understanding import (
    CORPUS_TODAY,
    CorpusCatalogue,
    TurnReading,
    judge_turns,
    measure_understanding,
    resolve_date,
)


def _inform(slot: str, *values: str) -> dict[str, object]:
    return {"act": "INFORM", "slot": slot, "values": list(values)}


DIALOGUES = [
    {
        "dialogue_id": "d1",
        "services": ["Events_1"],
        "turns": [
            {"speaker": "user", "text": "Book me a table."},
            {"speaker": "system", "text": "Done. Anything else?"},
            {
                "speaker": "user",
                "text": "Two seats for Glass in Philly on the 9th",
                "intent": "BuyEventTickets",
                "acts": [
                    {"act": "INFORM_INTENT", "slot": "intent", "values": ["BuyEventTickets"]},
                    _inform("number_of_tickets", "two"),
                    _inform("event_name", "Glass", "glass night"),
                    _inform("city", "Philly"),
                    _inform("date", "the 9th"),
                ],
            },
            {
                "speaker": "system",
                "text": "Glass Night it is.",
                "results": [{"event_name": "Glass Night", "city": "Philadelphia"}],
            },
            {
                "speaker": "user",
                "text": "Any day will do",
                "intent": "FindEvents",
                "acts": [_inform("date", "dontcare")],
            },
        ],
    },
    {
        "dialogue_id": "d2",
        "services": ["Events_2"],
        "turns": [
            {
                "speaker": "user",
                "text": "When does it run?",
                "intent": "GetEventDates",
                "acts": [{"act": "INFORM_INTENT", "slot": "intent", "values": ["GetEventDates"]}],
            },
            {
                "speaker": "user",
                "text": "Find it",
                "intent": "FindEvents",
                "acts": [_inform("city_of_event", "Portland, OR")],
            },
        ],
    },
]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    path.write_text("\n".join(json.dumps(dialogue) for dialogue in DIALOGUES), encoding="utf-8")
    return path


def read_well(history: list[tuple[str, str]], text: str, catalogue: CorpusCatalogue, today: date) -> TurnReading:
    assert catalogue == CorpusCatalogue(("Glass Night",), ("Philadelphia",))
    assert today == CORPUS_TODAY
    if text == "Any day will do":
        assert history[-1] == ("system", "Glass Night it is.")
        return TurnReading(any_date=True)
    if text == "Find it":
        return TurnReading(city="portland")
    return TurnReading("buy", 2, "Philadelphia", date(2019, 3, 9), event="Glass  Night")


def test_scores_what_is_listed_after_normalising(corpus: Path) -> None:
    assert measure_understanding(corpus, read_well) == {
        "intent": 1.0,
        "tickets": 1.0,
        "city": 1.0,
        "date": 1.0,
        "event": 1.0,
        "n": {"intent": 1, "tickets": 1, "city": 2, "date": 2, "event": 1},
    }


def test_scores_silence_and_errors_as_wrong(corpus: Path) -> None:
    assert measure_understanding(corpus, lambda *_: TurnReading())["city"] == 0.0
    wrong = TurnReading("find", 3, "Boston", date(2019, 3, 10), event="Other")
    assert [judgement.right for judgement in judge_turns(corpus, lambda *_: wrong)] == [False] * 7


def test_says_what_was_listed_and_understood(corpus: Path) -> None:
    judgements = {
        judgement.kind: judgement for judgement in judge_turns(corpus, read_well) if judgement.dialogue_id == "d1"
    }
    assert (judgements["event"].listed, judgements["event"].understood) == (("Glass", "glass night"), "Glass  Night")
    assert judgements["date"].understood == "dontcare"


def test_has_no_share_for_what_the_file_does_not_hold(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.write_text("", encoding="utf-8")
    assert measure_understanding(path, read_well)["intent"] is None


def test_names_a_line_that_is_no_dialogue(tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text("{}\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"broken\.jsonl:1"):
        measure_understanding(path, read_well)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", date(2019, 3, 1)),
        ("Later today", date(2019, 3, 1)),
        ("day after tomorrow", date(2019, 3, 3)),
        ("the 12th", date(2019, 3, 12)),
        ("14th of this month", date(2019, 3, 14)),
        ("4th of March", date(2019, 3, 4)),
        ("March 2nd", date(2019, 3, 2)),
        ("this Sunday", date(2019, 3, 3)),
        ("Saturday this week", date(2019, 3, 2)),
        ("next Monday", date(2019, 3, 4)),
        ("Friday next week", date(2019, 3, 8)),
        ("dontcare", None),
    ],
)
def test_resolves_annotated_dates(text: str, expected: date | None) -> None:
    assert resolve_date(text, CORPUS_TODAY) == expected
