"""Reading a corpus of annotated dialogues: one JSON object a line, with one service's annotations."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

Speaker = Literal["user", "system"]


class CorpusError(ValueError):
    """A corpus file that cannot be read; the message names the file and the line."""


@dataclass(frozen=True)
class Act:
    """One dialogue act of a turn, such as INFORM of the slot `city` with its values as written."""

    name: str
    slot: str | None = None
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """The service call made before a system turn."""

    method: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Turn:
    """One utterance. `acts` is empty where the turn speaks of another service than the annotated one."""

    speaker: Speaker
    text: str
    acts: tuple[Act, ...] = ()
    intent: str | None = None
    slots: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    call: Call | None = None
    results: tuple[Mapping[str, str], ...] = ()

    def has_act(self, name: str) -> bool:
        """Whether the turn holds an act of that name."""
        return any(act.name == name for act in self.acts)


@dataclass(frozen=True)
class Dialogue:
    """A conversation: its turns in order, with the services it used."""

    dialogue_id: str
    services: tuple[str, ...]
    turns: tuple[Turn, ...]


def read_dialogues(path: Path) -> Iterator[Dialogue]:
    """Yield the dialogues of a JSONL corpus in file order; blank lines are passed over.

    Raises CorpusError, naming file and line (counted from 1), where the file cannot be opened, a line is not
    UTF-8 or JSON, or does not hold a dialogue.
    """
    number = 0
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parse_line(line, f"{path}:{number}")
    except OSError as error:
        raise CorpusError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 after line {number}: {error.reason}") from error


def _parse_line(line: str, where: str) -> Dialogue:
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise CorpusError(f"{where}: not JSON: {error.msg} at column {error.colno}") from error
    record = _mapping(value, where, "dialogue")
    turns = _sequence(record.get("turns"), where, "turns")
    if not turns:
        raise CorpusError(f"{where}: a dialogue without turns")
    return Dialogue(
        dialogue_id=_text(record.get("dialogue_id"), where, "dialogue_id"),
        services=_texts(record.get("services", []), where, "services"),
        turns=tuple(_parse_turn(turn, f"{where}: turn {index}") for index, turn in enumerate(turns)),
    )


def _parse_turn(value: object, where: str) -> Turn:
    record = _mapping(value, where, "turn")
    speaker = record.get("speaker")
    if speaker not in ("user", "system"):
        raise CorpusError(f"{where}: speaker must be 'user' or 'system', not {speaker!r}")
    intent = record.get("intent")
    slots = _mapping(record.get("slots", {}), where, "slots")
    return Turn(
        speaker=cast(Speaker, speaker),
        text=_text(record.get("text"), where, "text"),
        acts=tuple(_parse_act(act, where) for act in _sequence(record.get("acts", []), where, "acts")),
        intent=None if intent is None else _text(intent, where, "intent"),
        slots={name: _texts(values, where, f"slots.{name}") for name, values in slots.items()},
        call=_parse_call(record.get("call"), where),
        results=tuple(
            _strings(result, where, "results") for result in _sequence(record.get("results", []), where, "results")
        ),
    )


def _parse_act(value: object, where: str) -> Act:
    record = _mapping(value, where, "act")
    slot = record.get("slot")
    return Act(
        name=_text(record.get("act"), where, "act"),
        slot=None if slot is None else _text(slot, where, "slot"),
        values=_texts(record.get("values", []), where, "values"),
    )


def _parse_call(value: object, where: str) -> Call | None:
    if value is None:
        return None
    record = _mapping(value, where, "call")
    return Call(
        method=_text(record.get("method"), where, "call.method"),
        parameters=_strings(record.get("parameters", {}), where, "call.parameters"),
    )


def _mapping(value: object, where: str, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise CorpusError(f"{where}: {name} must be an object, not {type(value).__name__}")
    return value


def _sequence(value: object, where: str, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise CorpusError(f"{where}: {name} must be a list, not {type(value).__name__}")
    return value


def _text(value: object, where: str, name: str) -> str:
    if not isinstance(value, str):
        raise CorpusError(f"{where}: {name} must be a string, not {type(value).__name__}")
    return value


def _texts(value: object, where: str, name: str) -> tuple[str, ...]:
    return tuple(_text(item, where, name) for item in _sequence(value, where, name))


def _strings(value: object, where: str, name: str) -> Mapping[str, str]:
    return {key: _text(item, where, f"{name}.{key}") for key, item in _mapping(value, where, name).items()}
