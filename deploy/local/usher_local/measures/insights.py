"""`usher measure insights`: the parser, or a model of the running stack, on labelled questions about data."""

from __future__ import annotations

from typing import Any

from usher_evals.insights.labelled import TODAY, Split
from usher_evals.insights.measuring import measure_insights
from usher_local.stack import usual_stack
from usher_logger.warehouse.dataset import load_dataset
from usher_shared.contracts.insights import Insight, InsightRequest

_MODEL_SECONDS = 300.0


async def measure(split: Split, model: str | None = None) -> dict[str, Any]:
    """The parser in this process, on the labels' own today; or that model of the running stack, told what today is."""
    if model is None:
        return await measure_insights(_parse, load_dataset(), split)
    async with usual_stack().client("cli", "inference", timeout_seconds=_MODEL_SECONDS) as inference:

        async def ask(request: InsightRequest) -> Insight:
            told = f"(Today is {TODAY:%A}, {TODAY.isoformat()}.) {request.user_query}"
            body = request.model_dump(mode="json") | {"model": model, "user_query": told}
            return Insight.model_validate(await inference.call("POST", "/v1/insights", json=body))

        return await measure_insights(ask, load_dataset(), split)


async def _parse(request: InsightRequest) -> Insight:
    from usher_inference.insights.service import answer_offline

    return answer_offline(request.user_query, request.dataset(), TODAY)
