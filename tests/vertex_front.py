"""Vertex AI's prediction service in front of a container, as documented.

It checks the caller's token and keeps it to itself, hands the body to the container's predict route, wraps what
`predict` answers and passes raw answers on, streamed as they come:
https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.endpoints
"""

from __future__ import annotations

import json
import re

import aiohttp
from aiohttp import web

TOKEN = "ya29.a-token"
ENDPOINT = "projects/tickets/locations/europe-west4/endpoints/4711"
_PATH = re.compile(rf"/v1/{ENDPOINT}:(predict|rawPredict|streamRawPredict)")
_ABOUT = {"deployedModelId": "12", "model": "projects/1/locations/europe-west4/models/7", "modelVersionId": "1"}


def vertex_front(container: str) -> web.Application:
    """`container` is the address of its predict route."""

    async def forward(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": {"code": 401, "status": "UNAUTHENTICATED"}}, status=401)
        verb = _PATH.fullmatch(request.path)
        if verb is None:
            return web.json_response({"error": {"code": 404, "status": "NOT_FOUND"}}, status=404)
        body = await request.read()
        async with (
            aiohttp.ClientSession() as session,
            session.post(container, data=body, headers={"Content-Type": "application/json"}) as answer,
        ):
            if verb[1] == "predict" and answer.status == 200:
                return web.json_response(json.loads(await answer.read()) | _ABOUT)
            passed = web.StreamResponse(status=answer.status)
            passed.content_type = answer.content_type
            passed.headers["X-Vertex-AI-Endpoint-Id"] = "4711"
            passed.headers["X-Vertex-AI-Deployed-Model-Id"] = "12"
            await passed.prepare(request)
            async for piece in answer.content.iter_any():
                await passed.write(piece)
            return passed

    app = web.Application(client_max_size=10_000_000)
    app.router.add_post("/{path:.*}", forward)
    return app
