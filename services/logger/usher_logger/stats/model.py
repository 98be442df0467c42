"""What GET /stats answers."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, BaseModel, Field


class Counts(BaseModel):
    """Events of the period. `conversations` are completed ones."""

    conversations: int = 0
    successes: int = 0
    turns: int = 0
    purchases: int = 0
    upgrades: int = 0
    refunds: int = 0
    errors: int = 0


class ModelUse(BaseModel):
    """What turns asked of language models. `cost_usd` is without the turns whose cost is not known.

    `turns_passed_on` are those in which a model failed, or was left alone, before one answered.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float = 0.0
    turns_without_cost: int = 0
    turns_passed_on: int = 0


class DayStats(Counts):
    """One UTC day; `revenue` is per currency in major units, refunds deducted on the day of the refund."""

    date: date
    success_rate: float | None
    average_conversation_seconds: float | None
    revenue: dict[str, float] = Field(default_factory=dict)
    models: ModelUse = Field(default_factory=ModelUse)


class FeedbackCounts(BaseModel):
    positive: int = 0
    negative: int = 0


class Stats(Counts):
    """Whole UTC days, today included. Rates and averages are null where no conversation was completed."""

    days: int
    since: AwareDatetime
    until: AwareDatetime
    success_rate: float | None
    average_conversation_seconds: float | None
    revenue: dict[str, float]
    models: ModelUse
    feedback: FeedbackCounts
    by_day: list[DayStats]
