"""Answering with predictions, while somebody waits for them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from usher_inference.completions.guard import ClientGone, Guard
from usher_inference.completions.responses import client_closed_request
from usher_inference.vertex.limits import Limits
from usher_shared.errors import PayloadTooLarge


class PredictionsResponse(Response):
    """`{"predictions": …}` with what `work` comes to. A client that hangs up, or the deadline, ends the work.

    Instances have deadlines of their own: there `deadline_seconds` is None, lest one of them takes all answers along.
    """

    def __init__(self, limits: Limits, work: Coroutine[Any, Any, Any], deadline_seconds: float | None = None) -> None:
        super().__init__()
        self._limits = limits
        self._work = work
        self._deadline_seconds = deadline_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with Guard(receive, self._deadline_seconds):
                body = orjson.dumps({"predictions": await self._work})
        except ClientGone:
            await client_closed_request()(scope, receive, send)
            return
        most = self._limits.most_bytes
        if most is not None and len(body) > most:
            raise PayloadTooLarge(f"the answer has more than {most} bytes: ask for fewer instances or tokens at once")
        await Response(body, media_type="application/json")(scope, receive, send)
