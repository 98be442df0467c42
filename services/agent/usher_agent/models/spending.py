"""What the models of one turn came to: calls, tokens, costs, and who answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from usher_agent.models.ports import Completion
from usher_agent.models.prices import NANOS


@dataclass(slots=True)
class Spending:
    """`cost_nanos` None: that of a call is not known. `nanos` is what a budget counts.

    `kept_answers` are calls that an earlier answer spared; `passed_over` the models that failed; `model` who answered
    last, as contracts.chat.ModelInfo.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_nanos: int | None = 0
    nanos: int = 0
    kept_answers: int = 0
    passed_over: list[str] = field(default_factory=list)
    model: dict[str, str] | None = None

    def count(self, completion: Completion, default_name: str) -> None:
        """A step of the turn."""
        self.calls += 1
        self.charge(completion)
        self.note_failed(completion.passed_over)
        self.model = {
            "name": completion.model or default_name,
            "version": completion.version or "unknown",
            "variant": completion.variant or "default",
        }

    def charge(self, completion: Completion) -> None:
        """Tokens and costs, of a completion that is no step of the turn too."""
        self.prompt_tokens += completion.prompt_tokens
        self.completion_tokens += completion.completion_tokens
        self.cached_tokens += completion.cached_tokens
        self.nanos += completion.charged_nanos
        self.kept_answers += completion.is_kept
        if self.cost_nanos is not None:
            self.cost_nanos = None if completion.cost_nanos is None else self.cost_nanos + completion.cost_nanos

    def note_failed(self, models: object) -> None:
        """Models that failed before one answered, or all that there are."""
        for name in models if isinstance(models, (list, tuple)) else ():
            if name not in self.passed_over:
                self.passed_over.append(name)

    def usage(self) -> dict[str, Any]:
        """As contracts.chat.Usage."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
            "cached_tokens": self.cached_tokens,
            "cost_usd": None if self.cost_nanos is None else self.cost_nanos / NANOS,
        }
