"""What was said, for a person to read: without personal data and the machinery in between, and bounded."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from usher_shared.personal import redact

_LONGEST_MESSAGE = 400
_SPEAKERS: Final = {"user": "Customer", "assistant": "Usher"}


def transcript(messages: Iterable[dict[str, Any]], characters: int) -> str:
    """The newest of what customer and agent said, oldest first, a line each, within so many characters."""
    lines: list[str] = []
    left = characters
    for message in reversed(list(messages)):
        speaker, said = _SPEAKERS.get(message["role"]), message.get("content")
        if speaker is None or not said:
            continue
        text = redact(" ".join(str(said).split()))
        if len(text) > _LONGEST_MESSAGE:
            text = f"{text[:_LONGEST_MESSAGE].rstrip()}…"
        line = f"{speaker}: {text}"
        left -= len(line) + 1
        if left < 0:
            break
        lines.append(line)
    return "\n".join(reversed(lines))
