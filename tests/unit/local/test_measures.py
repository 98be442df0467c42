"""The measures wired to the services' own code."""

from datetime import date
from pathlib import Path

from usher_evals.understanding import CorpusCatalogue
from usher_local.measures.dialogues import measure_consent_file, measure_understanding_file, understand_turn

CATALOGUE = CorpusCatalogue(("Harbour Hawks vs River Foxes",), ("Larkspur Bay",))


def test_reads_a_turn_in_the_measures_terms() -> None:
    reading = understand_turn(
        [("user", "hi"), ("system", "What can I do for you?")],
        "Two tickets for harbour hawks v river foxes in Larkspur Bay next Friday please",
        CATALOGUE,
        date(2019, 3, 1),
    )
    assert reading.intent == "buy"
    assert reading.tickets == 2
    assert reading.event == "Harbour Hawks vs River Foxes"
    assert reading.city == "Larkspur Bay"
    assert reading.day == date(2019, 3, 8)


def test_uses_what_the_system_asked() -> None:
    reading = understand_turn([("system", "How many tickets?")], "four", CATALOGUE, date(2019, 3, 1))
    assert reading.tickets == 4


def test_measures_a_file(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_text(
        '{"dialogue_id": "1", "services": ["Events_1"], "turns": ['
        '{"speaker": "user", "text": "Find me a concert tomorrow", "intent": "FindEvents",'
        ' "acts": [{"act": "INFORM", "slot": "date", "values": ["tomorrow"]}]},'
        '{"speaker": "system", "text": "Please confirm: 2 tickets for Glass tomorrow.", "acts": [{"act": "CONFIRM"}]},'
        '{"speaker": "user", "text": "No, not yet.", "acts": [{"act": "NEGATE"}]}]}\n',
        encoding="utf-8",
    )
    understood = measure_understanding_file(path)
    assert (understood["intent"], understood["date"], understood["n"]["city"]) == (1.0, 1.0, 0)
    assert measure_consent_file(path)["false_yes"] == 0
