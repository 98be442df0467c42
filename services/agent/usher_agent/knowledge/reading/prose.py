"""Markdown and plain text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import tzinfo

from usher_agent.knowledge.model import About, Part
from usher_agent.knowledge.reading.about import describe, split_front_matter

_HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_UNDERLINE = re.compile(r"^ {0,3}(=+|-+)\s*$")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+")
_TABLE_RULE = re.compile(r"^\s*\|?[\s:|-]+\|[\s:|-]*$")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_IMAGE = re.compile(r"!\[[^\]\n]*\]\([^)\n]*\)")
_LINK = re.compile(r"\[([^\]\n]+)\]\([^)\n]*\)")
_EMPHASIS = re.compile(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1")


def read_markdown(text: str, about: About, zone: tzinfo) -> list[Part]:
    """A part for each heading that has text below it. Raises BadMetadata."""
    given, body = split_front_matter(text)
    about = describe(about, given, zone)
    body = _COMMENT.sub("", body)
    if "title" not in given:
        first = next((found for line in body.splitlines() if (found := _HEADING.match(line))), None)
        about = replace(about, title=_plain(first.group(2))[:200]) if first and first.group(2) else about
    return [Part(about, heading, text) for heading, text in _sections(body) if text]


def _sections(body: str) -> Iterator[tuple[tuple[str, ...], str]]:
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fenced = False
    for line in body.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
            continue
        heading = None if fenced else _HEADING.match(line)
        underline = None if fenced or heading else _UNDERLINE.match(line)
        level, name = 0, ""
        if heading:
            level, name = len(heading.group(1)), heading.group(2)
        elif underline and lines and lines[-1].strip() and not _ITEM.match(lines[-1]) and "|" not in lines[-1]:
            level, name = (1 if underline.group(1)[0] == "=" else 2), lines.pop()
        if not level:
            lines.append(line)
            continue
        yield tuple(name for _, name in path), _paragraphs(lines)
        lines = []
        path = [(depth, held) for depth, held in path if depth < level]
        path.append((level, _plain(name)[:200]))
    yield tuple(name for _, name in path), _paragraphs(lines)


def _paragraphs(lines: list[str]) -> str:
    """Lines of a paragraph joined, items of lists and rows of tables on lines of their own."""
    out: list[str] = []
    columns: list[str] | None = None
    joins = False
    for position, line in enumerate(lines):
        if "|" in line and position + 1 < len(lines) and _TABLE_RULE.match(lines[position + 1]):
            columns, joins = _cells(line), False
        elif columns is not None and "|" in line:
            if not _TABLE_RULE.match(line):
                pairs = zip(columns, _cells(line), strict=False)
                out.append("; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell) + ".")
        elif not line.strip():
            columns, joins = None, False
        else:
            columns = None
            item = _ITEM.match(line)
            words = _plain((line[item.end() :] if item else line).strip().lstrip(">").strip())
            if joins and not item:
                out[-1] += f" {words}"
            elif words:
                out.append(words)
            joins = bool(out)
    return "\n".join(out)


def _cells(line: str) -> list[str]:
    return [_plain(cell.strip()) for cell in line.strip().strip("|").split("|")]


def _plain(text: str) -> str:
    return _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", _IMAGE.sub("", text))).strip()


def read_text(text: str, about: About, zone: tzinfo) -> list[Part]:
    """A part for each paragraph, so that neighbours of another matter do not blur it. Raises BadMetadata."""
    given, body = split_front_matter(text)
    about = describe(about, given, zone)
    paragraphs = [" ".join(each.split()) for each in re.split(r"\r?\n\s*\r?\n", body) if each.strip()]
    if "title" not in given and paragraphs and len(paragraphs[0]) <= 80 and paragraphs[0][-1] not in ".!?":
        about = replace(about, title=paragraphs[0])
        paragraphs = paragraphs[1:] or paragraphs
    return [Part(about, (), paragraph) for paragraph in paragraphs]
