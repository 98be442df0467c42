"""Links in text: a document or a name in the catalogue is no place to learn where to pay.

No tool answer has a field for a link, so one in a free text was put there by whoever wrote that text. It is left out
before a model reads it, and a reply may name none that no tool gave. A bare name (`hall.example`) is no link.
"""

from __future__ import annotations

import re

LEFT_OUT = "[link left out]"
_HINTS = ("/", "www.", "javascript:", "data:", "mailto:")
_LINK = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{0,20}:)?//[^\s\"\\<>)\]]+"
    r"|\bwww\.[^\s\"\\<>)\]]+"
    r"|\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}/[^\s\"\\<>)\]]*"
    r"|\b(?:javascript|data|mailto):[^\s\"\\<>)\]]+",
    re.IGNORECASE,
)


def links(text: str) -> list[str]:
    """Every link in the text, with or without its scheme, without the punctuation behind it."""
    if not _may_link(text):
        return []
    return [found.rstrip(".,;:!?*_") for found in _LINK.findall(text)]


def without_links(text: str) -> str:
    """The text, each link in it replaced by a note."""
    return _LINK.sub(LEFT_OUT, text) if _may_link(text) else text


def _may_link(text: str) -> bool:
    return any(map(text.lower().__contains__, _HINTS))
