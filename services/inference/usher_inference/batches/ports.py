"""What a batch needs of whoever answers."""

from __future__ import annotations

from typing import Any, Protocol

from usher_inference.batches.model import Line


class Answers(Protocol):
    @property
    def made_by(self) -> str:
        """What answers: models and their versions. One output is of one of them."""
        ...

    async def answer(self, line: Line) -> dict[str, Any]:
        """The completion for a request, the prediction for an instance.

        Raises UsherError. RateLimited, Unavailable and UpstreamTimeout are worth another try.
        """
        ...
