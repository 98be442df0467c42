"""Reading an answer as it is written: text, thoughts, calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, Literal

from usher_inference.chat.arguments import ArgumentStream, repaired
from usher_inference.chat.marks import CALL, CALL_END, THINK, THINK_END
from usher_inference.completions.model import CallPiece, TextDelta

# a call as models are taught to write it; anything else is read when it has ended
_HEAD = re.compile(r'\s*\{\s*"name"\s*:\s*"((?:[^"\\]|\\.)+)"\s*,\s*"(?:arguments|parameters)"\s*:\s*(?=\{)', re.DOTALL)
_LONGEST_HEAD = 1_000  # characters
_NAME = re.compile(r'"name"\s*:\s*"((?:[^"\\]|\\.)+)"')

_TAGS = {"text": (CALL, CALL_END, THINK, THINK_END), "thought": (THINK_END,), "call": (CALL_END, CALL)}
Piece = TextDelta | CallPiece


class AnswerReader:
    """One answer. Text comes in pieces of any size; what comes out does not depend on how it was cut.

    Thoughts are passed over. White space around calls is no text. Where tags are tokens, they come by `mark`, and text
    that looks like one is text; where they are `spelled`, they are found in the text. Without `calls`, calls are
    passed over too: no tool was offered.
    """

    def __init__(self, *, calls: bool, thinks: bool = False, spelled: bool = False) -> None:
        self._state: Literal["text", "thought", "call"] = "thought" if thinks else "text"
        self._calls = calls
        self._spelled = spelled
        self._rest = ""  # not read yet: the beginning of a tag perhaps
        self._space = ""  # white space that is text when text follows
        self._begun = not thinks  # outside of thoughts and calls: white space counts
        self._said = False
        self._parted = False  # by a call: white space at the end is no text then
        self._call = _Call(0)
        self.calls = 0
        """How many calls have been passed on, whole or in part."""

    @property
    def in_text(self) -> bool:
        return self._state == "text"

    def feed(self, text: str) -> list[Piece]:
        """More of the answer."""
        out: list[Piece] = []
        if not self._spelled:
            self._read(text, out)
            return out
        self._rest += text
        while self._advance(out):
            pass
        return out

    def mark(self, tag: str) -> list[Piece]:
        """A tag that is a token."""
        out: list[Piece] = []
        if tag in _TAGS[self._state]:
            self._turn(tag, out)
        return out

    def finish(self, *, cut: bool = False) -> list[Piece]:
        """The end of the answer. `cut`: it was not the model that ended it, and nothing is guessed."""
        out: list[Piece] = []
        rest, self._rest = self._rest, ""
        self._read(rest, out)
        if self._state == "call":
            out += self._end_call(cut=cut)
        elif self._state == "text" and self._space and not self._parted:
            out.append(TextDelta(self._space))
        return out

    def _advance(self, out: list[Piece]) -> bool:
        """Reads up to the next tag; False when more has to come first."""
        tags = _TAGS[self._state]
        at, tag = _first(self._rest, tags)
        upto = at if tag else len(self._rest) - _beginning(self._rest, tags)
        passed, self._rest = self._rest[:upto], self._rest[upto + len(tag) :]
        self._read(passed, out)
        if tag:
            self._turn(tag, out)
        return bool(tag)

    def _read(self, text: str, out: list[Piece]) -> None:
        if self._state == "text":
            self._text(text, out)
        elif self._state == "call":
            pieces = self._call.feed(text)
            out += pieces if self._calls else []

    def _turn(self, tag: str, out: list[Piece]) -> None:
        if self._state == "call":
            out += self._end_call()
        self._begun = False
        self._state = "call" if tag == CALL else "thought" if tag == THINK else "text"
        if tag == CALL:
            self._parted, self._space = True, "\n" if self._said else ""
            self._call = _Call(self.calls)

    def _text(self, text: str, out: list[Piece]) -> None:
        if not self._begun:
            text = text.lstrip()
        if not text:
            return
        self._begun = True
        text = self._space + text
        kept = text.rstrip()
        self._space = text[len(kept) :]
        if kept:
            self._said = True
            out.append(TextDelta(kept))

    def _end_call(self, *, cut: bool = False) -> list[Piece]:
        if not self._calls:
            return []
        pieces = self._call.finish(cut=cut)
        self.calls = self._call.next
        return list(pieces)


class _Call:
    """What is between the tags of a call: usually one, in pieces."""

    def __init__(self, index: int) -> None:
        self._index = index
        self._text = ""
        self._searched = 0  # characters of it
        self._arguments: ArgumentStream | None = None
        self.next = index
        """The index of the call after it."""

    def feed(self, text: str) -> list[Piece]:
        if self._arguments is not None:
            fragment = self._arguments.feed(text)
            return [CallPiece(self._index, fragment)] if fragment else []
        self._text += text
        searched, self._searched = self._searched, len(self._text)
        head = _HEAD.match(self._text, 0, _LONGEST_HEAD) if searched < _LONGEST_HEAD else None
        if head is None:
            return []
        self._arguments = ArgumentStream()
        self.next = self._index + 1
        fragment = self._arguments.feed(self._text[head.end() :])
        return [CallPiece(self._index, fragment, _unescaped(head.group(1)))]

    def finish(self, *, cut: bool) -> list[Piece]:
        if self._arguments is not None:
            fragment = self._arguments.finish(repair=not cut)
            return [CallPiece(self._index, fragment)] if fragment else []
        if cut:
            return []
        found = list(_calls(repaired(self._text), self._text))
        self.next = self._index + len(found)
        return [
            CallPiece(self._index + at, json.dumps(arguments, ensure_ascii=False), name)
            for at, (name, arguments) in enumerate(found)
        ]


def _calls(value: Any, text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The calls in what stands between the tags, in any of the forms that models make of it."""
    if isinstance(value, list):
        for item in value:
            yield from _calls(item, "")
        return
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    known = value if isinstance(value, dict) else {}
    name = known.get("name", known.get("function"))
    if not isinstance(name, str) or not name:
        found = _NAME.search(text)
        if found is None:
            return
        name = _unescaped(found.group(1))
    arguments = known.get("arguments", known.get("parameters"))
    if isinstance(arguments, str):
        arguments = repaired(arguments)
    yield name, arguments if isinstance(arguments, dict) else {}


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


def _first(text: str, tags: tuple[str, ...]) -> tuple[int, str]:
    """Where the first tag is, and which."""
    if "<" not in text:
        return -1, ""
    return min(((at, tag) for tag in tags if (at := text.find(tag)) >= 0), default=(-1, ""))


def _beginning(text: str, tags: tuple[str, ...]) -> int:
    """How many letters at the end may begin a tag."""
    at = text.rfind("<")
    if at < 0:
        return 0
    tail = text[at:]
    return len(tail) if any(tag.startswith(tail) for tag in tags) else 0
