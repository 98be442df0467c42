"""Where in a JSON or YAML text each value stands, so that an error can name its line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

Path = tuple[str | int, ...]
_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SCALAR = re.compile(r"[^\s,\]}]+")
_MAX_DEPTH = 60


class UnreadableText(ValueError):
    """The text is not JSON or YAML, or names a key twice; `line` counts from 1."""

    def __init__(self, line: int, message: str, path: Path = ()) -> None:
        super().__init__(message)
        self.line = line
        self.message = message
        self.path = path


@dataclass(slots=True)
class Located:
    """The data, and the line (from 1) of every value by its path; a value in an object has its key's line."""

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of the value, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


class _JsonLines:
    """Walks a text that is known to be JSON."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line, self._counted = 1, 0
        self.lines: dict[Path, int] = {}

    def _skip(self) -> str:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at] if self._at < len(self._text) else ""

    def _here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise UnreadableText(self._here(), "not JSON: a name is expected")
        self._at = match.end()
        return match.group()

    def walk(self, path: Path = ()) -> None:
        start = self._skip()
        self.lines.setdefault(path, self._here())
        if len(path) > _MAX_DEPTH:
            raise UnreadableText(self._here(), "nested too deeply", path)
        if start == '"':
            self._string()
        elif start == "{":
            self._members(path)
        elif start == "[":
            self._items(path)
        else:
            match = _SCALAR.match(self._text, self._at)
            self._at = match.end() if match else self._at + 1

    def _members(self, path: Path) -> None:
        self._at += 1
        while self._skip() != "}":
            line = self._here()
            key = json.loads(self._string())
            inner = (*path, key)
            if inner in self.lines:
                raise UnreadableText(line, f"{key!r} occurs twice in one object", inner)
            self.lines[inner] = line
            self._skip()
            self._at += 1  # the colon
            self.walk(inner)
            if self._skip() == ",":
                self._at += 1
        self._at += 1

    def _items(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._skip() != "]":
            self.walk((*path, index))
            index += 1
            if self._skip() == ",":
                self._at += 1
        self._at += 1


def read_json(text: str) -> Located:
    """Raises UnreadableText."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnreadableText(error.lineno, f"not JSON: {error.msg} (column {error.colno})") from error
    except RecursionError as error:
        raise UnreadableText(1, "nested too deeply") from error
    walker = _JsonLines(text)
    walker.walk()
    return Located(data, walker.lines)


class _PlainLoader(yaml.SafeLoader):
    """YAML with JSON's scalars alone: a section called NO stays text, and so does 19:30."""


_PlainLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("tag:yaml.org,2002:bool", r"^(?:true|false)$", ["t", "f"]),
    ("tag:yaml.org,2002:int", r"^-?(?:0|[1-9][0-9]*)$", list("-0123456789")),
    ("tag:yaml.org,2002:float", r"^-?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?$", list("-0123456789")),
):
    _PlainLoader.add_implicit_resolver(_tag, re.compile(_pattern), _first)


def _yaml_lines(node: yaml.Node, path: Path) -> Iterator[tuple[Path, int]]:
    if len(path) > _MAX_DEPTH:
        raise UnreadableText(node.start_mark.line + 1, "nested too deeply", path)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            line = key.start_mark.line + 1
            if name in seen:
                raise UnreadableText(line, f"{name!r} occurs twice in one mapping", (*path, name))
            seen.add(name)
            yield (*path, name), line
            yield from _yaml_lines(value, (*path, name))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*path, index), value.start_mark.line + 1
            yield from _yaml_lines(value, (*path, index))


def _text_keys(data: Any) -> Any:
    """Keys as text, as JSON has them: a price for section 101 may be written `101: 90`."""
    if isinstance(data, dict):
        return {str(key): _text_keys(value) for key, value in data.items()}
    return [_text_keys(value) for value in data] if isinstance(data, list) else data


def read_yaml(text: str) -> Located:
    """Raises UnreadableText. Aliases are refused: a catalogue needs none, and they can grow without bound."""
    try:
        for event in yaml.parse(text, Loader=_PlainLoader):
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise UnreadableText(line, "YAML aliases are not accepted")
        node = yaml.compose(text, Loader=_PlainLoader)
        if node is None:
            return Located(None, {(): 1})
        lines = {(): node.start_mark.line + 1, **dict(_yaml_lines(node, ()))}
        data = yaml.load(text, Loader=_PlainLoader)  # noqa: S506  a SafeLoader with fewer types
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UnreadableText(line, f"not YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise UnreadableText(1, f"not YAML: {error}") from error
    return Located(_text_keys(data), lines)
