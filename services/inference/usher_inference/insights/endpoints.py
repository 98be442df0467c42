"""POST /v1/insights."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from usher_inference.client_keys import CLIENT
from usher_inference.completions.bodies import StrictJsonRoute
from usher_inference.completions.guard import ClientGone, Guard
from usher_inference.completions.responses import client_closed_request
from usher_inference.insights.service import Insights
from usher_shared.contracts.insights import Insight, InsightRequest
from usher_shared.http.app import require_caller

router = APIRouter(
    prefix="/v1",
    tags=["insights"],
    route_class=StrictJsonRoute,
    dependencies=[Depends(require_caller("cli", CLIENT))],
)


async def _insights(request: Request) -> Insights:
    insights: Insights = request.app.state.insights
    return insights


@router.post("/insights", response_model=Insight)
async def create_insight(
    request: Request, body: InsightRequest, insights: Annotated[Insights, Depends(_insights)]
) -> Response:
    """Checked SQL, an explanation and a Vega-Lite chart for a question. Nothing is run here.

    422: the question is not understood, or the metadata cannot be read. 502: the model wrote nothing that may run.
    """
    try:
        with Guard(request.receive, insights.deadline_seconds):
            found = await insights.answer(body)
    except ClientGone:
        return client_closed_request()
    return Response(found.model_dump_json(), media_type="application/json")
