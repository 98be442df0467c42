"""Links in text: a document or a name in the catalogue is no place to learn where to pay.

No tool answer has a field for a link, so one in a free text was put there by whoever wrote that text. It is left out
before a model reads it, and a reply may name none that no tool gave. A bare name (`hall.example`) is no link.
"""

from __future__ import annotations

import re

LEFT_OUT = "[link left out]"
_HINT = re.compile(r"//|www\.|[a-z]/|(?:javascript|data|mailto):", re.IGNORECASE)
_LINK = re.compile(
    r"(?:\b[a-z][a-z0-9+.-]{0,20}:)?//[^\s\"\\<>)\]]+"
    r"|\bwww\.[^\s\"\\<>)\]]+"
    r"|\b(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}/[^\s\"\\<>)\]]*"
    r"|\b(?:javascript|data|mailto):[^\s\"\\<>)\]]+",
    re.IGNORECASE,
)


def links(text: str) -> list[str]:
    """Every link in the text, with or without its scheme, without the punctuation behind it."""
    if _HINT.search(text) is None:
        return []
    return [found.rstrip(".,;:!?*_") for found in _LINK.findall(text)]


def without_links(text: str) -> str:
    """The text, each link in it replaced by a note."""
    return text if _HINT.search(text) is None else _LINK.sub(LEFT_OUT, text)
