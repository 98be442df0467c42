"""GET /metrics: what Prometheus scrapes."""

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from usher_inference.completions.ports import Models
from usher_inference.metrics import MEDIA_TYPE, Metrics
from usher_shared.http.app import require_caller

# a collector beside the service, in the same instance, has the service's own identity
router = APIRouter(tags=["operation"], dependencies=[Depends(require_caller("cli", "metrics", "inference"))])


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(request: Request) -> Response:
    """The measurements in Prometheus' text format."""
    measured: Metrics = request.app.state.metrics
    models: Models = request.app.state.models
    measured.serving([(each.engine.model, each.engine.version, each.variant) for each in models.all()])
    return Response(measured.exposition(), media_type=MEDIA_TYPE)
