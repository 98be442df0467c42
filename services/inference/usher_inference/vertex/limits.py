"""What one request to the predict route may ask for."""

from __future__ import annotations

from dataclasses import dataclass

from usher_inference.settings import Settings

# a shared endpoint lets 60 s and 1.5 MB through, and does not stream; a dedicated one 10 MB and up to an hour
# (https://cloud.google.com/vertex-ai/docs/predictions/choose-endpoint-type). Some of the time is Vertex AI's own
SHARED_BYTES, SHARED_SECONDS = 1_500_000, 55.0
DEDICATED_BYTES = 10_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """`deadline_seconds` is for a request with all its instances, `most_bytes` for its answer.

    `shared`: nothing is streamed, and `predictions` is always a list, for a shared endpoint hands them on in a message
    that knows no other (`PredictResponse.predictions` is repeated).
    """

    max_messages: int = 2000
    most_instances: int = 1000
    concurrency: int = 16
    deadline_seconds: float | None = None
    most_bytes: int | None = None
    shared: bool = False


def limits_of(settings: Settings) -> Limits:
    shared = settings.vertex_endpoint == "shared"
    return Limits(
        max_messages=settings.max_messages,
        most_instances=settings.predict_instances,
        concurrency=settings.predict_concurrency,
        deadline_seconds=SHARED_SECONDS if shared else settings.max_deadline_seconds,
        most_bytes=SHARED_BYTES if shared else None,
        shared=shared,
    )
