"""Reading annotated dialogues, and measuring consent on them."""

import json
from pathlib import Path
from typing import Any

import pytest

from usher_evals.consent import ConsentScore, measure_consent
from usher_evals.corpus import Act, CorpusError, read_dialogues


def turn(speaker: str, text: str, *acts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"speaker": speaker, "text": text, "acts": list(acts), **more}


def dialogue(*turns: dict[str, Any], dialogue_id: str = "d1") -> dict[str, Any]:
    return {"dialogue_id": dialogue_id, "services": ["Events_1"], "turns": list(turns)}


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


ASK = turn("system", "Two for the opera, shall I?", {"act": "CONFIRM", "slot": "tickets", "values": ["2"]})


def test_a_dialogue_is_read_with_its_annotations(tmp_path: Path) -> None:
    told = turn(
        "user",
        "two for the opera",
        {"act": "INFORM", "slot": "tickets", "values": ["2"]},
        intent="BuyEventTickets",
        slots={"tickets": ["2", "two"]},
    )
    found = turn(
        "system",
        "Found it.",
        call={"method": "FindEvents", "parameters": {"city": "Lyon"}},
        results=[{"event_name": "Carmen"}],
    )
    [read] = read_dialogues(write(tmp_path / "a.jsonl", dialogue(told, found)))
    first, second = read.turns
    assert (read.dialogue_id, read.services) == ("d1", ("Events_1",))
    assert first.acts == (Act("INFORM", "tickets", ("2",)),)
    assert (first.intent, first.slots) == ("BuyEventTickets", {"tickets": ("2", "two")})
    assert first.has_act("INFORM")
    assert not first.has_act("AFFIRM")
    assert second.call is not None
    assert (second.call.method, second.call.parameters) == ("FindEvents", {"city": "Lyon"})
    assert second.results == ({"event_name": "Carmen"},)


def test_a_turn_of_another_service_has_no_annotations(tmp_path: Path) -> None:
    record = dialogue({"speaker": "user", "text": "book me a taxi"})
    [read] = read_dialogues(write(tmp_path / "a.jsonl", record))
    assert (read.turns[0].acts, read.turns[0].intent, read.turns[0].call) == ((), None, None)


def test_blank_lines_are_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n" + json.dumps(dialogue(ASK)) + "\n\n", encoding="utf-8")
    assert len(list(read_dialogues(path))) == 1


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ("{not json", "not JSON"),
        ("[]", "dialogue must be an object"),
        ('{"dialogue_id": "d", "services": []}', "turns must be a list"),
        ('{"dialogue_id": "d", "services": [], "turns": []}', "without turns"),
        ('{"services": [], "turns": [{"speaker": "user", "text": "hi"}]}', "dialogue_id must be a string"),
        ('{"dialogue_id": "d", "turns": [{"speaker": "robot", "text": "hi"}]}', "turn 0: speaker"),
        ('{"dialogue_id": "d", "turns": [{"speaker": "user"}]}', "turn 0: text must be a string"),
        ('{"dialogue_id": "d", "turns": [{"speaker": "user", "text": "hi", "acts": [3]}]}', "act must be an object"),
        (
            '{"dialogue_id": "d", "turns": [{"speaker": "user", "text": "hi", "acts": [{"act": "A", "values": [1]}]}]}',
            "values must be a string",
        ),
    ],
)  # fmt: skip
def test_a_broken_line_is_named(tmp_path: Path, broken: str, complaint: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(dialogue(ASK)) + "\n" + broken + "\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"a\.jsonl:2: .*" + complaint):
        list(read_dialogues(path))


def test_a_missing_or_undecodable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="nowhere"):
        list(read_dialogues(tmp_path / "nowhere.jsonl"))
    (tmp_path / "latin.jsonl").write_bytes(b'{"dialogue_id": "\xe9"}\n')
    with pytest.raises(CorpusError, match="not UTF-8"):
        list(read_dialogues(tmp_path / "latin.jsonl"))


def test_consent_is_scored_on_replies_to_confirmations_only(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.jsonl",
        dialogue(ASK, turn("user", "go on", {"act": "AFFIRM"})),
        dialogue(
            ASK, turn("user", "lovely, and the address?", {"act": "AFFIRM"}, {"act": "REQUEST", "slot": "address"})
        ),
        dialogue(ASK, turn("user", "make it four", {"act": "NEGATE"})),
        dialogue(ASK, turn("user", "go away", {"act": "NEGATE"})),
        dialogue(turn("system", "Anything else?", {"act": "REQ_MORE"}), turn("user", "go on", {"act": "AFFIRM"})),
    )
    seen = []

    def starts_with_go(system_text: str, user_text: str) -> bool:
        seen.append(system_text)
        return user_text.startswith("go")

    score = measure_consent(path, starts_with_go)
    assert score == ConsentScore(yes=2, not_yes=2, false_yes=1, recall=0.5)
    assert score.as_json() == {"yes": 2, "not_yes": 2, "false_yes": 1, "recall": 0.5}
    assert set(seen) == {ASK["text"]}


def test_recall_without_a_yes_is_whole(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", dialogue(turn("system", "Anything else?")))
    assert measure_consent(path, lambda system, user: False) == ConsentScore(0, 0, 0, 1.0)
