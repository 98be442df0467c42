"""Vertex AI Vector Search over REST: datapoints of an index, neighbours at a deployed one.

https://cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.indexes and …indexEndpoints/findNeighbors;
the bodies are those of the messages of `google.cloud.aiplatform.v1` in their JSON form, int64 as text.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import orjson

from usher_shared.errors import UpstreamFailed
from usher_shared.model_servers.http import ModelHttp, read_limited

_MOST = 100  # datapoints a request; 1000 are allowed, but a request has to stay below 10 MB
_WRITE_SECONDS = 60.0
_SEARCH_SECONDS = 5.0


class VectorSearch:
    """`index` and `endpoint` are resource names; `domain` is the endpoint's public one."""

    def __init__(
        self,
        access_token: Callable[[], Awaitable[str]],
        *,
        index: str | None,
        endpoint: str | None,
        domain: str | None,
        deployed_index: str | None,
        base_url: str | None = None,
    ) -> None:
        location = (index or endpoint or "").split("/")[3]
        self._write_url = f"{base_url or f'https://{location}-aiplatform.googleapis.com'}/v1/{index}"
        self._search_url = f"{base_url or f'https://{domain}'}/v1/{endpoint}:findNeighbors"
        self._can_write, self._can_search = index is not None, endpoint is not None
        self._deployed_index = deployed_index
        self._access_token = access_token
        self._http = ModelHttp()

    async def upsert(self, datapoints: Sequence[dict[str, Any]]) -> None:
        for start in range(0, len(datapoints), _MOST):
            await self._write("upsertDatapoints", {"datapoints": datapoints[start : start + _MOST]})

    async def remove(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), _MOST):
            await self._write("removeDatapoints", {"datapointIds": ids[start : start + _MOST]})

    async def _write(self, verb: str, body: dict[str, Any]) -> None:
        if not self._can_write:
            raise ValueError("building needs knowledge_index")
        await self._post(f"{self._write_url}:{verb}", body, _WRITE_SECONDS)

    async def nearest(
        self,
        vector: Sequence[float],
        count: int,
        *,
        restricts: Sequence[dict[str, Any]],
        numeric_restricts: Sequence[dict[str, Any]],
    ) -> list[str]:
        """Ids of the nearest datapoints that the restricts admit, the nearest first."""
        if not self._can_search:
            raise ValueError("searching needs knowledge_endpoint")
        datapoint = {
            "featureVector": list(vector),
            "restricts": list(restricts),
            "numericRestricts": list(numeric_restricts),
        }
        body = {
            "deployedIndexId": self._deployed_index,
            "queries": [{"datapoint": datapoint, "neighborCount": count}],
            "returnFullDatapoint": False,
        }
        answer = await self._post(self._search_url, body, _SEARCH_SECONDS)
        try:
            found = answer.get("nearestNeighbors", [{}])[0].get("neighbors", [])
            return [str(neighbor["datapoint"]["datapointId"]) for neighbor in found]
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise UpstreamFailed("Vector Search's answer is no list of neighbours") from error

    async def _post(self, url: str, body: dict[str, Any], timeout_seconds: float) -> dict[str, Any]:
        async with self._http.request(
            "POST",
            url,
            headers={"Authorization": f"Bearer {await self._access_token()}"},
            body=orjson.dumps(body),
            timeout_seconds=timeout_seconds,
            span_name=f"POST vertex/{url.rpartition(':')[2]}",
        ) as response:
            raw = await read_limited(response)
        try:
            answer = orjson.loads(raw or b"{}")
        except orjson.JSONDecodeError as error:
            raise UpstreamFailed("Vector Search's answer is no JSON") from error
        if not isinstance(answer, dict):
            raise UpstreamFailed("Vector Search's answer is no object")
        return answer

    async def close(self) -> None:
        await self._http.close()
