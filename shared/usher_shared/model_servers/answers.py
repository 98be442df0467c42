"""What a model's server answered, whichever wire it speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from usher_shared.errors import UpstreamFailed

LONGEST_ANSWER_BYTES = 4 << 20


class Refused(UpstreamFailed):
    """The server is well and will not answer this request: too long, blocked for safety, or malformed to it."""

    code = "model_refused"


@dataclass(frozen=True, slots=True)
class RequestedCall:
    """A tool call as the model emitted it; `arguments` is JSON text that may be broken.

    `extra` is what its maker wants back with the call in the next request (Gemini's thought signature), as the
    `extra_content` of OpenAI's tool call.
    """

    name: str
    arguments: str
    extra: dict[str, Any] | None = None
