"""Statistics: five grouped queries, put together by day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from usher_logger.stats.model import DayStats, FeedbackCounts, ModelUse, Stats
from usher_logger.warehouse.ports import Warehouse
from usher_shared.clock import Clock
from usher_shared.contracts.money import to_major

_NANOS = 1_000_000_000  # in a US dollar
_COUNTED = {
    "usher.chat_turn_completed.v1": "turns",
    "usher.ticket_purchased.v1": "purchases",
    "usher.ticket_upgraded.v1": "upgrades",
    "usher.ticket_refunded.v1": "refunds",
    "usher.error_occurred.v1": "errors",
}


@dataclass(slots=True)
class _Sums:
    counts: Counter[str] = field(default_factory=Counter)
    duration_ms: int = 0
    revenue_minor: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)

    def add(self, other: _Sums) -> None:
        self.counts.update(other.counts)
        self.duration_ms += other.duration_ms
        self.revenue_minor.update(other.revenue_minor)
        self.models.update(other.models)

    @property
    def success_rate(self) -> float | None:
        completed = self.counts["conversations"]
        return self.counts["successes"] / completed if completed else None

    @property
    def average_seconds(self) -> float | None:
        completed = self.counts["conversations"]
        return self.duration_ms / 1000 / completed if completed else None

    @property
    def revenue(self) -> dict[str, float]:
        return {currency: to_major(minor, currency) for currency, minor in sorted(self.revenue_minor.items())}

    @property
    def model_use(self) -> ModelUse:
        counted = {name: self.models[name] for name in ModelUse.model_fields if name != "cost_usd"}
        return ModelUse(cost_usd=self.models["cost_nanos"] / _NANOS, **counted)


class StatsService:
    def __init__(self, warehouse: Warehouse, clock: Clock) -> None:
        self._warehouse = warehouse
        self._clock = clock

    async def summarise(self, days: int) -> Stats:
        """Today (UTC) and the `days - 1` days before. Raises Unavailable, UpstreamTimeout."""
        now = self._clock.now()
        today = now.astimezone(UTC).date()
        first = today - timedelta(days=days - 1)
        since = datetime.combine(first, time(), UTC)
        by_day = {first + timedelta(days=n): _Sums() for n in range(days)}
        period = {"since": since, "until": since + timedelta(days=days)}

        for row in await self._warehouse.select("stats_conversations", period):
            sums = by_day[row["day"]]
            sums.counts["conversations"] += row["conversations"]
            sums.counts["successes"] += row["successes"]
            sums.duration_ms += row["duration_ms"] or 0
        for row in await self._warehouse.select("stats_events", period):
            if name := _COUNTED.get(row["type"]):
                by_day[row["day"]].counts[name] += row["events"]
        for row in await self._warehouse.select("stats_revenue", period):
            by_day[row["day"]].revenue_minor[row["currency"]] += row["amount_minor"] or 0
        for row in await self._warehouse.select("stats_models", period):
            by_day[row["day"]].models.update({name: value or 0 for name, value in row.items() if name != "day"})
        (feedback,) = await self._warehouse.select("stats_feedback", period)

        total = _Sums()
        for sums in by_day.values():
            total.add(sums)
        return Stats(
            days=days,
            since=since,
            until=now,
            success_rate=total.success_rate,
            average_conversation_seconds=total.average_seconds,
            revenue=total.revenue,
            models=total.model_use,
            feedback=FeedbackCounts(positive=feedback["positive"] or 0, negative=feedback["negative"] or 0),
            by_day=[_to_day(day, sums) for day, sums in by_day.items()],
            **total.counts,
        )


def _to_day(day: date, sums: _Sums) -> DayStats:
    return DayStats(
        date=day,
        success_rate=sums.success_rate,
        average_conversation_seconds=sums.average_seconds,
        revenue=sums.revenue,
        models=sums.model_use,
        **sums.counts,
    )
