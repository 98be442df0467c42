"""Answers as a model writes them, whole, cut anywhere, and broken in any way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from usher_inference.chat.answer import AnswerReader, Piece
from usher_inference.chat.arguments import ArgumentStream
from usher_inference.completions.model import CallPiece, TextDelta

Answer = tuple[str, list[tuple[str, str]]]  # the text, and name and arguments of each call


def joined(pieces: Iterable[Piece]) -> Answer:
    """What a client makes of the pieces. Their order is checked."""
    text, calls = "", list[tuple[str, str]]()
    for piece in pieces:
        if isinstance(piece, TextDelta):
            assert piece.text
            text += piece.text
        elif piece.name is not None:
            assert piece.index == len(calls)
            calls.append((piece.name, piece.arguments))
        else:
            assert piece.index == len(calls) - 1
            calls[-1] = (calls[-1][0], calls[-1][1] + piece.arguments)
    for _, arguments in calls:
        value = json.loads(arguments)
        assert isinstance(value, dict)
        json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    return text, calls


def read(*chunks: str, calls: bool = True, cut: bool = False, thinks: bool = False) -> Answer:
    reader = AnswerReader(calls=calls, thinks=thinks, spelled=True)
    return joined([*(piece for chunk in chunks for piece in reader.feed(chunk)), *reader.finish(cut=cut)])


def parts(text: str, cuts: Iterable[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:end] for start, end in pairwise(places)]


def written(name: str, arguments: Any, **how: Any) -> str:
    return f'<tool_call>\n{{"name": "{name}", "arguments": {json.dumps(arguments, **how)}}}\n</tool_call>'


HOLD = {"event_id": "EVT_1", "seat_ids": ["A-1", "A-2"], "note": 'a "b" \\ é 🎟', "more": {"x": [1.5, -2e3, True, None]}}


@pytest.mark.parametrize("how", [{}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}])
def test_a_well_written_call(how: dict[str, Any]) -> None:
    text, [(name, arguments)] = read("Sure. \n" + written("hold_tickets", HOLD, **how) + "\n")
    assert (text, name, json.loads(arguments)) == ("Sure.", "hold_tickets", HOLD)


def test_arguments_are_passed_on_while_they_are_written() -> None:
    reader = AnswerReader(calls=True)
    reader.mark("<tool_call>")
    assert reader.feed('\n{"name": "f", "argum') == []
    assert reader.feed('ents": {"details": "My order ne') == [CallPiece(0, '{"details": "My order ne', "f")]
    assert reader.feed("ver") == [CallPiece(0, "ver")]
    assert reader.feed(' came", "n": 1') == [CallPiece(0, ' came"')]
    assert reader.feed("2") == []
    assert reader.feed("}}") == [CallPiece(0, ', "n": 12}')]
    assert reader.feed("\n") == reader.mark("</tool_call>") == reader.finish() == []
    assert reader.calls == 1


def test_several_calls_and_words_between() -> None:
    text = f"One. {written('f', {'a': 1})}\n{written('g', {})} Two.\n{written('f', {'a': 2})}"
    assert read(text) == ("One.\nTwo.", [("f", '{"a": 1}'), ("g", "{}"), ("f", '{"a": 2}')])


BROKEN = {
    "a comma too much": ('{"name": "f", "arguments": {"a": "x", "b": [1, 2,],}}', {"a": "x", "b": [1, 2]}),
    "no closing braces": ('{"name": "f", "arguments": {"a": "x", "b": {"c": 1', {"a": "x", "b": {"c": 1}}),
    "a string that does not end": ('{"name": "f", "arguments": {"a": "x', {"a": "x"}),
    "quotes inside": ('{"name": "f", "arguments": {"a": "say "hi" now", "b": 2}}', {"a": 'say "hi" now', "b": 2}),
    "Python": ("{'name': 'f', 'arguments': {'a': 'x', 'b': True, 'c': None}}", {"a": "x", "b": True, "c": None}),
    "Python inside": ('{"name": "f", "arguments": {"a": "x", "b": True, "c": None}}', {"a": "x", "b": True, "c": None}),
    "line breaks": ('{"name": "f", "arguments": {"a": "x\n\ty"}}', {"a": "x\n\ty"}),
    "a backslash": (r'{"name": "f", "arguments": {"a": "\d+", "b": "\'"}}', {"a": r"\d+", "b": r"\'"}),
    "bare keys": ('{"name": "f", "arguments": {a: "x", b: 1}}', {"a": "x", "b": 1}),
    "arguments as a string": (r'{"name": "f", "arguments": "{\"a\": \"x\"}"}', {"a": "x"}),
    "arguments first": ('{"arguments": {"a": "x"}, "name": "f"}', {"a": "x"}),
    "parameters": ('{"name": "f", "parameters": {"a": "x"}}', {"a": "x"}),
    "OpenAI's form": ('{"type": "function", "function": {"name": "f", "arguments": "{\\"a\\": 1}"}}', {"a": 1}),
    "no arguments": ('{"name": "f"}', {}),
    "nothing in them": ('{"name": "f", "arguments": null}', {}),
    "a fence": ('```json\n{"name": "f", "arguments": {"a": "x"}}\n```', {"a": "x"}),
    "a list": ('[{"name": "f", "arguments": {"a": "x"}}]', {"a": "x"}),
    "no number": ('{"name": "f", "arguments": {"a": NaN, "b": 1}}', {"a": None, "b": 1}),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("by", [1, 7, 1000])
def test_broken_json_is_read_as_it_was_meant(case: str, by: int) -> None:
    written, meant = BROKEN[case]
    text = f"<tool_call>\n{written}\n</tool_call>"
    _, calls = read(*(text[at : at + by] for at in range(0, len(text), by)))
    if case == "no number":
        assert [name for name, _ in calls] == ["f"]
        assert json.loads(calls[0][1])["b"] == 1
    else:
        [(name, arguments)] = calls
        assert (name, json.loads(arguments)) == ("f", meant)
        assert json.loads(arguments, object_pairs_hook=len) == len(meant)  # nothing is said twice


def test_nothing_is_made_up_for_an_answer_that_was_cut_off() -> None:
    opening = '<tool_call>\n{"name": "f", "arguments": '
    assert read(opening + '{"quantity": 1', cut=True) == ("", [("f", "{}")])
    assert read(opening + '{"a": 1, "b": ["x", "EVT_', cut=True) == ("", [("f", '{"a": 1, "b": ["x", "EVT_"]}')])
    assert read('Well <tool_call>\n{"name": "f", "ar', cut=True) == ("Well", [])


def test_a_tag_in_a_string_ends_no_call_where_tags_are_tokens() -> None:
    reader = AnswerReader(calls=True)
    pieces = [*reader.mark("<tool_call>"), *reader.feed('{"name": "f", "arguments": {"a": "</tool_call><tool_call>"}}')]
    pieces += [*reader.mark("</tool_call>"), *reader.feed("a <tool_call> in words"), *reader.finish()]
    assert joined(pieces) == ("a <tool_call> in words", [("f", '{"a": "</tool_call><tool_call>"}')])


def test_thoughts_are_passed_over() -> None:
    assert read("<think>\nhm <tool_call>{}\n</think>\n\nHere.") == ("Here.", [])
    assert read("hm\n</think>\n\nHere. <thin", thinks=True) == ("Here. <thin", [])
    assert read("hm, not done", thinks=True) == ("", [])


def test_without_tools_a_call_is_not_shown() -> None:
    assert read("Hello " + written("f", {"a": 1}), calls=False) == ("Hello", [])


@pytest.mark.parametrize("text", ["", " ", "\n\nHi  there \n", "1 < 2 <b> </b> <tool_", "<|tool_call>", "😀\u0301"])
def test_other_text_stays_as_it_is(text: str) -> None:
    assert read(*text) == (text, [])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=8), values, max_size=4)
layouts = st.fixed_dictionaries({"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 0, 2])})
cuts = st.lists(st.integers(0, 10_000), max_size=12)


@settings(deadline=None)
@given(objects, layouts, cuts)
@example({"": {"": []}}, {"ensure_ascii": True, "indent": None}, [3])
def test_any_call_cut_anywhere_is_read_as_it_was_written(value: dict[str, Any], how: Any, cuts: Sequence[int]) -> None:
    stream = ArgumentStream()
    written = json.dumps(value, **how)
    passed = [stream.feed(part) for part in parts(written + "}\n", cuts)]
    assert json.loads("".join(passed)) == value
    assert stream.finish() == ""


@settings(deadline=None)
@given(objects, layouts, cuts, st.integers(0, 10_000))
def test_a_call_cut_off_is_an_object_with_what_was_there(
    value: dict[str, Any], how: Any, cuts: Sequence[int], end: int
) -> None:
    whole = json.dumps(value, **how)
    stream = ArgumentStream()
    begun = "".join(stream.feed(part) for part in parts(whole[: end % len(whole)], cuts))
    completed = json.loads(begun + stream.finish(repair=False))
    assert list(completed) == list(value)[: len(completed)]
    for key in list(completed)[:-1]:
        assert completed[key] == value[key]


SHARDS = (
    *(
        "<tool_call>",
        "</tool_call>",
        "<think>",
        "</think>",
        '{"name": "f", "arguments": ',
        '{"a": ',
        '"',
        "{",
        "}",
        "[",
    ),
    *(
        "]",
        ",",
        ":",
        "\\",
        "\\u12",
        "\\ud83c",
        "'",
        "1",
        "-",
        "true",
        "nul",
        "NaN",
        " ",
        "\n",
        "x",
        "é",
        "<",
        "</",
        "\x00",
    ),
)
rubbish = st.lists(st.sampled_from(SHARDS) | st.text(max_size=3), max_size=30).map("".join)


@settings(deadline=None)
@given(rubbish, cuts, st.booleans())
@example('<tool_call>{"name": "f", "arguments": {"a": "\\ud83c"}}', [30], False)
@example('<tool_call>{"name": "f", "arguments": {"a": "\\u12', [30], False)
def test_whatever_is_written_calls_are_objects_and_cuts_change_nothing(
    text: str, cuts: Sequence[int], cut: bool
) -> None:
    whole = read(text, cut=cut)
    assert read(*parts(text, cuts), cut=cut) == whole
    assert read(*text, cut=cut) == whole


@settings(deadline=None)
@given(objects, layouts, st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(SHARDS)), max_size=3), cuts)
def test_a_call_with_errors_in_it_is_an_object(value: Any, how: Any, errors: Any, cuts: Sequence[int]) -> None:
    text = written("f", value, **how)
    for place, shard in errors:
        at = place % len(text)
        text = text[:at] + shard + text[at + len(shard) % 3 :]
    whole = read(text)
    assert read(*parts(text, cuts)) == whole


def test_depth_and_length_are_bounded() -> None:
    deep = '<tool_call>{"name": "f", "arguments": ' + '{"a": [' * 5_000
    _, [(_, arguments)] = read(deep)
    assert len(arguments) < 1_000
    _, [(_, arguments)] = read('<tool_call>{"name": "f", "arguments": {"a": ' + "[1, " * 50_000)
    assert len(arguments) < 1_000
    long = '<tool_call>{"name": "f", "arguments": {"a": "' + "x" * 200_000 + '", b: "' + "'\"{" * 20_000
    _, [(_, arguments)] = read(long)
    assert json.loads(arguments) == {"a": "x" * 200_000}
