"""Vertex AI as far as the index needs it: embeddings, and a Vector Search index that is searched by brute force.

Each body is parsed into the official message of `google.cloud.aiplatform.v1`: a member that the API does not have, or
of another type, is refused, as Google refuses it. Answers are made from the official messages too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from aiohttp import web

pytest.importorskip("google.cloud.aiplatform_v1", reason="needs google-cloud-aiplatform, the official messages")

from google.cloud.aiplatform_v1.types import (
    index_service,
    match_service,
    prediction_service,
)
from google.protobuf import json_format

PROJECT = "projects/house/locations/europe-west4"
INDEX, ENDPOINT = f"{PROJECT}/indexes/17", f"{PROJECT}/indexEndpoints/18"
MODEL = "gemini-embedding-001"
DEPLOYED, TOKEN = "documents", "ya29.test"


class VertexStandIn:
    """`fail_next` answers the next call of a verb with that status."""

    def __init__(self, vector: Callable[[str, int], list[float]]) -> None:
        self._vector = vector
        self.url = ""
        self.datapoints: dict[str, Any] = {}
        self.fail_next: dict[str, int] = {}
        self.calls: list[str] = []
        self.tasks: list[str] = []

    def app(self) -> web.Application:
        app = web.Application(client_max_size=10 << 20)
        app.router.add_post(f"/v1/{INDEX}:upsertDatapoints", self._upsert)
        app.router.add_post(f"/v1/{INDEX}:removeDatapoints", self._remove)
        app.router.add_post(f"/v1/{ENDPOINT}:findNeighbors", self._find)
        app.router.add_post(f"/v1/{PROJECT}/publishers/google/models/{MODEL}:predict", self._predict)
        return app

    async def _read(self, request: web.Request, message: Any) -> Any:
        verb = request.path.rpartition(":")[2]
        self.calls.append(verb)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise web.HTTPUnauthorized
        status = self.fail_next.pop(verb, None)
        if status is not None:
            raise web.HTTPServiceUnavailable if status == 503 else web.HTTPInternalServerError
        try:
            return json_format.Parse(await request.read(), message.pb()())
        except json_format.ParseError as error:
            raise web.HTTPBadRequest(text=str(error)) from error

    async def _upsert(self, request: web.Request) -> web.Response:
        body = await self._read(request, index_service.UpsertDatapointsRequest)
        for datapoint in body.datapoints:
            if not datapoint.feature_vector or not datapoint.datapoint_id:
                raise web.HTTPBadRequest
            self.datapoints[datapoint.datapoint_id] = datapoint
        return web.json_response({})

    async def _remove(self, request: web.Request) -> web.Response:
        body = await self._read(request, index_service.RemoveDatapointsRequest)
        for id in body.datapoint_ids:
            self.datapoints.pop(id, None)
        return web.json_response({})

    async def _find(self, request: web.Request) -> web.Response:
        body = await self._read(request, match_service.FindNeighborsRequest)
        if body.deployed_index_id != DEPLOYED:
            raise web.HTTPNotFound
        answer = match_service.FindNeighborsResponse.pb()()
        for query in body.queries:
            wanted = query.datapoint
            admitted = [one for one in self.datapoints.values() if _admits(wanted, one)]
            admitted.sort(key=lambda one: -_product(wanted.feature_vector, one.feature_vector))
            neighbors = answer.nearest_neighbors.add()
            for one in admitted[: query.neighbor_count]:
                found = neighbors.neighbors.add()
                found.datapoint.datapoint_id = one.datapoint_id
                found.distance = _product(wanted.feature_vector, one.feature_vector)
        return web.json_response(text=json_format.MessageToJson(answer))

    async def _predict(self, request: web.Request) -> web.Response:
        body = await self._read(request, prediction_service.PredictRequest)
        instances, parameters = json_format.MessageToDict(body)["instances"], json_format.MessageToDict(body.parameters)
        if len(instances) != 1 or set(instances[0]) != {"content", "task_type"}:  # one text a request, by its limits
            raise web.HTTPBadRequest
        self.tasks.append(instances[0]["task_type"])
        values = self._vector(instances[0]["content"], int(parameters["outputDimensionality"]))
        statistics = {"truncated": False, "token_count": 5}
        return web.json_response({"predictions": [{"embeddings": {"values": values, "statistics": statistics}}]})


def _admits(query: Any, datapoint: Any) -> bool:
    """Each restricted namespace shares a token; each numeric comparison holds for the datapoint's number."""
    tokens = {one.namespace: set(one.allow_list) for one in datapoint.restricts}
    numbers = {one.namespace: one.value_int for one in datapoint.numeric_restricts}
    compare = {"LESS_EQUAL": lambda has, asked: has <= asked, "GREATER": lambda has, asked: has > asked}
    for one in query.restricts:
        if not tokens.get(one.namespace, set()) & set(one.allow_list):
            return False
    for one in query.numeric_restricts:
        word = type(one).Operator.Name(one.op)
        if one.namespace not in numbers or not compare[word](numbers[one.namespace], one.value_int):
            return False
    return True


def _product(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
