"""Answering with predictions, while somebody waits for them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from usher_inference.completions.guard import ClientGone, Guard
from usher_inference.vertex.service import Predictor
from usher_shared.errors import PayloadTooLarge

_CLIENT_CLOSED_REQUEST = 499  # nginx's; it reaches the log alone


class PredictionsResponse(Response):
    """`{"predictions": …}` with what `work` comes to. A client that hangs up ends the work."""

    def __init__(self, predictor: Predictor, work: Coroutine[Any, Any, Any]) -> None:
        super().__init__()
        self._limits = predictor.limits
        self._work = work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with Guard(receive, self._limits.deadline_seconds):
                body = orjson.dumps({"predictions": await self._work})
        except ClientGone:
            await Response(status_code=_CLIENT_CLOSED_REQUEST)(scope, receive, send)
            return
        most = self._limits.most_bytes
        if most is not None and len(body) > most:
            raise PayloadTooLarge(f"the answer has more than {most} bytes: ask for fewer instances or tokens at once")
        await Response(body, media_type="application/json")(scope, receive, send)
