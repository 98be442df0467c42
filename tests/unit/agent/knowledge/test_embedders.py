"""Texts as vectors: what is sent, and what is made of answers of every kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from usher_agent.adapters.openai_embedder import OpenAIEmbedder
from usher_shared.errors import Unavailable, UpstreamFailed, UsherError


class Server:
    """OpenAI's `/v1/embeddings`; `answer` overrides what it says."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.answer: Any = None
        self.status = 200
        self.url = ""

    async def embeddings(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert set(body) == {"model", "input", "encoding_format"}
        self.requests.append(body)
        self.keys.append(request.headers.get("Authorization"))
        data = [
            {"object": "embedding", "index": index, "embedding": [3.0, 4.0 * (index + 1)]}
            for index in range(len(body["input"]))
        ]
        whole = {"object": "list", "data": data[::-1], "model": body["model"], "usage": {"prompt_tokens": 1}}
        return web.json_response(whole if self.answer is None else self.answer, status=self.status)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_post("/v1/embeddings", made.embeddings)
    http = TestServer(app)
    await http.start_server()
    made.url = str(http.make_url("/v1"))
    yield made
    await http.close()


@pytest.fixture
async def embedder(server: Any) -> AsyncIterator[OpenAIEmbedder]:
    made = OpenAIEmbedder(server.url, "bge-m3", api_key="k")
    yield made
    await made.close()


async def test_vectors_come_in_the_order_of_the_texts_with_length_one(embedder: OpenAIEmbedder, server: Server) -> None:
    vectors = await embedder.embed(["one", "two"], "document")
    assert vectors[0] == pytest.approx([0.6, 0.8])
    assert vectors[1] == pytest.approx([3 / 73**0.5, 8 / 73**0.5])
    assert server.keys == ["Bearer k"]
    assert server.requests[0]["model"] == "bge-m3"


async def test_many_texts_go_in_several_requests(embedder: OpenAIEmbedder, server: Server) -> None:
    assert len(await embedder.embed([f"text {n}" for n in range(70)], "document")) == 70
    assert [len(request["input"]) for request in server.requests] == [32, 32, 6]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"data": []},
        {"data": [{"index": 0, "embedding": []}]},
        {"data": [{"index": 0, "embedding": ["a", "b"]}]},
        {"data": [{"index": 0, "embedding": [0.0, 0.0]}]},
        {"data": [{"index": 5, "embedding": [1.0]}]},
        {"data": "nonsense"},
        ["nonsense"],
    ],
)
async def test_what_is_no_vector_is_refused(embedder: OpenAIEmbedder, server: Server, answer: Any) -> None:
    server.answer = answer
    with pytest.raises(UpstreamFailed):
        await embedder.embed(["one"], "query")


async def test_a_failing_server_is_an_upstream_failure(embedder: OpenAIEmbedder, server: Server) -> None:
    server.status = 500
    with pytest.raises(UsherError):
        await embedder.embed(["one"], "query")


async def test_a_server_that_is_not_there_is_unavailable() -> None:
    embedder = OpenAIEmbedder("http://127.0.0.1:9/v1", "bge-m3")
    with pytest.raises(Unavailable):
        await embedder.embed(["one"], "query")
    await embedder.close()
