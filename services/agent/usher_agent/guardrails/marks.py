"""Text that poses as the chat template's own marks, and what is done to all text of others."""

from __future__ import annotations

import re

from usher_shared.personal import mask_cards

_TAG = re.compile(r"<(?=\|[a-zA-Z_]|/?(?:tool_call|tool_response|tools|think)\b)", re.IGNORECASE)
_LONGEST_TAG = 16


def escape_tags(text: str) -> str:
    """The text with the marks of chat templates made harmless: their `<` becomes `‹`."""
    return _TAG.sub("‹", text) if "<" in text else text


def clean(text: str) -> str:
    """Text of others as it may be kept and read by a model: without card numbers, marks of chat templates harmless."""
    return escape_tags(mask_cards(text))


def has_tags(text: str) -> bool:
    """Whether the text holds a mark of a chat template: a model's call or turn that was not understood as such."""
    return "<" in text and _TAG.search(text) is not None


def speakable_length(text: str) -> int:
    """How much of a growing text may be shown now: all before a template mark or what may become one."""
    found = _TAG.search(text)
    if found:
        return found.start()
    start = text.rfind("<", max(0, len(text) - _LONGEST_TAG))
    return len(text) if start < 0 else start
