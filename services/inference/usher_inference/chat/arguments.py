"""The arguments of a call while they are written: passed on at once, and one JSON object at the end whatever happens.

A state machine reads the JSON letter by letter and lets through what cannot turn out wrong any more: text inside a
string, whole numbers and words, brackets. Keys wait for their value, numbers for what follows them. So what has been
passed on can always be completed. At the first letter that is no JSON it stops; `finish` then asks `json_repair` what
was meant and adds what still fits to what has been passed on.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import Any, Literal

_DEEPEST = 64
_LONGEST_REPAIR = 16_000  # characters: json_repair is not linear
_SCALAR = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]+')
_SPACE = " \t\n\r"
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

_Expected = Literal["value", "first item", "first key", "key", "colon", "comma", "string", "scalar", "end", "broken"]


@dataclass(slots=True)
class _Container:
    is_object: bool
    count: int = 0  # entries of which anything was passed on
    keys: list[str] = field(default_factory=list)  # theirs


class ArgumentStream:
    """One object of arguments. It begins at `{`."""

    def __init__(self) -> None:
        self._expected: _Expected = "value"
        self._open: list[_Container] = []
        self._waiting = ""  # read, but not passed on: white space, commas, keys, colons
        self._word = ""  # a number, true, false, null
        self._key: str | None = None
        self._in_key = False
        self._in_text = False  # a string that is a value, from its first quote until it is sure that the last was one
        self._said: list[str] = []  # the string, decoded
        self._escape = ""
        self._breaks = ""  # bare line breaks: they may stand where the quote is missing
        self._high: int | None = None  # the first half of a character that is written as two escapes
        self._read: list[str] = []

    def feed(self, text: str) -> str:
        """More of what the model writes; gives what can be passed on. What follows the object is ignored."""
        if self._expected == "end":
            return ""
        self._read.append(text)
        out: list[str] = []
        at = 0
        while at < len(text) and self._expected not in ("end", "broken"):
            if self._expected == "string" and not self._escape and (plain := _PLAIN.match(text, at)):
                self._say(plain.group(), plain.group(), out)
                at = plain.end()
                continue
            self._step(text[at], out)
            at += 1
        return "".join(out)

    def finish(self, *, repair: bool = True) -> str:
        """What completes the object. Without `repair`, as for an answer cut off, nothing is added to what was said."""
        if self._expected == "end":
            return ""
        # what follows the arguments is the brace of the call around them
        meant = repaired("".join(self._read).rstrip().removesuffix("}")) if repair else {}
        self._expected = "end"
        return self._complete(meant)

    # -- reading

    def _step(self, letter: str, out: list[str]) -> None:
        expected = self._expected
        if expected == "comma" and self._in_text and letter not in _SPACE:
            if letter != "," and not self._may_close(letter):
                self._expected = "broken"  # the quote before was one inside the text
                return
            out.append('"')
            self._in_text = False
        if expected == "string":
            self._in_string(letter, out)
        elif expected == "scalar" and letter not in ",]}" + _SPACE:
            self._word += letter
            if len(self._word) > 400:
                self._expected = "broken"
        elif expected == "scalar":
            if not _SCALAR.fullmatch(self._word):
                self._expected = "broken"
                return
            self._pass(self._word, out)
            self._word = ""
            self._after_value()
            self._step(letter, out)
        elif letter in _SPACE:
            if self._waiting and self._waiting[-1] != " ":
                self._waiting += " "
        elif letter == '"' and expected in ("first key", "key"):
            self._waiting += letter
            self._in_key, self._said, self._expected = True, [], "string"
        elif letter == ":" and expected == "colon":
            self._waiting += letter
            self._expected = "value"
        elif letter == "," and expected == "comma":
            self._waiting += letter
            self._expected = "key" if self._open[-1].is_object else "value"
        elif letter in "]}" and self._may_close(letter):
            self._open.pop()
            out.append(letter)
            self._waiting = ""
            self._after_value()
        elif expected in ("value", "first item"):
            self._begin(letter, out)
        else:
            self._expected = "broken"

    def _may_close(self, letter: str) -> bool:
        if not self._open or self._expected not in ("comma", "first key", "first item"):
            return False
        return self._open[-1].is_object == (letter == "}")

    def _begin(self, letter: str, out: list[str]) -> None:
        if not self._open and letter != "{":
            self._expected = "broken"
        elif letter in "{[":
            if len(self._open) == _DEEPEST:
                self._expected = "broken"
                return
            self._pass(letter, out)
            self._open.append(_Container(is_object=letter == "{"))
            self._expected = "first key" if letter == "{" else "first item"
        elif letter == '"':
            self._pass(letter, out)
            self._in_key, self._in_text, self._said, self._expected = False, True, [], "string"
        else:
            self._word, self._expected = letter, "scalar"

    def _pass(self, text: str, out: list[str]) -> None:
        """A value has begun: what waited for it goes with it."""
        out.append(self._waiting + text)
        self._waiting = ""
        if self._open:
            holder = self._open[-1]
            holder.count += 1
            if self._key is not None:
                holder.keys.append(self._key)
                self._key = None

    def _after_value(self) -> None:
        self._expected = "comma" if self._open else "end"

    # -- strings

    def _in_string(self, letter: str, out: list[str]) -> None:
        if self._escape:
            self._in_escape(letter, out)
        elif letter == "\\":
            self._escape = letter
        elif letter == '"':
            self._lone(out)
            if self._breaks:
                self._say("", "", out)
            if self._in_key:
                self._waiting += letter
                self._key, self._expected = "".join(self._said), "colon"
            else:
                self._after_value()
        else:  # a bare line break or another control character: JSON wants it escaped
            self._breaks += letter

    def _in_escape(self, letter: str, out: list[str]) -> None:
        self._escape += letter
        if len(self._escape) == 2 and letter in _ESCAPES:
            self._say(_ESCAPES[letter], self._escape, out)
            self._escape = ""
        elif len(self._escape) == 2 and letter != "u":  # as in "\d": the backslash was meant as one
            text, self._escape = self._escape, ""
            self._say(text, "\\\\" + json.dumps(letter, ensure_ascii=False)[1:-1], out)
        elif len(self._escape) > 2 and letter not in "0123456789abcdefABCDEF":
            self._expected = "broken"
        elif len(self._escape) == 6:
            code, self._escape = int(self._escape[2:], 16), ""
            self._say_code(code, out)

    def _say_code(self, code: int, out: list[str]) -> None:
        if 0xD800 <= code < 0xDC00:
            self._lone(out)
            self._high = code
        elif 0xDC00 <= code < 0xE000 and self._high is not None:
            letter = chr(0x10000 + ((self._high - 0xD800) << 10) + code - 0xDC00)
            self._high = None
            self._say(letter, letter, out)
        else:
            letter = "\ufffd" if 0xDC00 <= code < 0xE000 else chr(code)
            self._say(letter, json.dumps(letter, ensure_ascii=False)[1:-1], out)

    def _lone(self, out: list[str]) -> None:
        """Half a character whose other half did not come."""
        if self._high is not None:
            self._high = None
            self._say("\ufffd", "\ufffd", out)

    def _say(self, decoded: str, written: str, out: list[str]) -> None:
        self._lone(out)
        if self._breaks:
            breaks, self._breaks = self._breaks, ""
            self._say(breaks, json.dumps(breaks)[1:-1], out)
        self._said.append(decoded)
        if self._in_key:
            self._waiting += written
        else:
            out.append(written)

    # -- completing

    def _complete(self, meant: Any) -> str:
        nodes = [meant]
        for holder in self._open:
            nodes.append(_entry(nodes[-1], holder))
        added = ""
        if not self._open:
            return _dumps(meant if isinstance(meant, dict) else {})
        if self._in_text:
            said, whole = "".join(self._said), nodes[-1]
            if isinstance(whole, str) and whole.startswith(said):
                added += _dumps(whole[len(said) :])[1:-1]
            added += '"'
        for holder, node in zip(reversed(self._open), reversed(nodes[:-1]), strict=True):
            added += _rest(holder, node) + ("}" if holder.is_object else "]")
        return added


def _entry(node: Any, holder: _Container) -> Any:
    """What was meant by the last entry of a container."""
    if holder.is_object:
        return node.get(holder.keys[-1]) if isinstance(node, dict) and holder.keys else None
    return node[holder.count - 1] if isinstance(node, list) and 0 < holder.count <= len(node) else None


def _rest(holder: _Container, node: Any) -> str:
    """The entries that were meant but not passed on."""
    if holder.is_object and isinstance(node, dict):
        missing = [f"{_dumps(key)}: {_dumps(value)}" for key, value in node.items() if key not in holder.keys]
    elif not holder.is_object and isinstance(node, list):
        missing = [_dumps(value) for value in node[holder.count :]]
    else:
        return ""
    return ", ".join([""] * bool(holder.count and missing) + missing)


def repaired(text: str) -> Any:
    if len(text) > _LONGEST_REPAIR:
        return {}
    import json_repair

    try:
        return _plain(json_repair.loads(text))
    except (ValueError, RecursionError):
        return {}


def _plain(value: Any) -> Any:
    """JSON's own values: no NaN, no infinity, no halves of characters."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
