"""Clients of Vertex AI, unmodified, through its front to our container: Google's, the agent's, our own service's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from served import Served, free_port
from usher_agent.adapters.vertex_chat_model import VertexChatModel
from usher_agent.models.ports import CompletionRequest
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.adapters.remote_vertex_engine import VertexEngine
from usher_inference.completions.model import CallPiece, Finished, FunctionSpec, Message, Prompt, TextDelta, ToolCall
from usher_inference.completions.ports import Models
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.settings import Settings
from usher_inference.vertex.app import VertexDeps, create_vertex_app
from usher_shared.clock import SystemClock
from usher_shared.contracts.tools import tool_schemas
from usher_shared.ids import UlidGenerator
from vertex_front import ENDPOINT, TOKEN, vertex_front

SYSTEM = "You help.\nCurrent time: 2026-11-20T10:00:00-08:00\nHome time zone: America/Los_Angeles"
ASK = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "two tickets for the Sharks tonight"}]
HELLO = [{"role": "user", "content": "hello"}]
GREETING = "Hello! I can find events"


@pytest.fixture
async def front() -> AsyncIterator[str]:
    """The front's address, without a path."""

    @asynccontextmanager
    async def load() -> AsyncIterator[Models]:
        yield FixedModels((PlaybookEngine("9.9"),), datetime(2026, 11, 21, tzinfo=UTC))

    deps = VertexDeps(load, lambda _: None, SystemClock(), UlidGenerator())
    container = Served(lambda: create_vertex_app(Settings(), "/healthy", "/predict", deps), free_port())
    await container.start()
    runner = web.AppRunner(vertex_front(f"{container.url}/predict"))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    yield f"127.0.0.1:{port}"
    await runner.cleanup()
    await container.stop()


class Heard:
    def __init__(self) -> None:
        self.pieces: list[str] = []

    def __call__(self, text: str, /) -> None:
        self.pieces.append(text)

    def start_over(self) -> None:
        raise AssertionError


@pytest.mark.parametrize("dedicated", [True, False])
async def test_the_agents_adapter(front: str, dedicated: bool) -> None:
    async def token() -> str:
        return TOKEN

    model = VertexChatModel(f"http://{front}/v1/{ENDPOINT}", "usher", token, dedicated=dedicated)
    heard = Heard()
    try:
        said = await model.complete(CompletionRequest(HELLO, (), "CONV_1"), heard)
        called = await model.complete(CompletionRequest(ASK, tool_schemas(), "CONV_1"), Heard())
    finally:
        await model.close()
    assert said.text.startswith(GREETING)
    assert "".join(heard.pieces) == said.text
    assert (len(heard.pieces) > 3) is dedicated  # a shared endpoint answers whole
    assert said.completion_tokens > 5
    [call] = called.tool_calls
    assert (call.name, json.loads(call.arguments)["date"]) == ("search_events", "2026-11-20")


@pytest.mark.parametrize("dedicated", [True, False])
async def test_an_inference_service_in_front_of_another(front: str, dedicated: bool) -> None:
    async def token() -> str:
        return TOKEN

    engine = VertexEngine("theirs", f"http://{front}/v1/{ENDPOINT}", "usher", token, dedicated=dedicated)
    tools = tuple(FunctionSpec.model_validate(each["function"]) for each in tool_schemas())
    try:
        said = [each async for each in engine.generate(Prompt([Message(role="user", content="hello")]))]
        called = [each async for each in engine.generate(Prompt([Message.model_validate(each) for each in ASK], tools))]
    finally:
        await engine.close()
    texts = [each.text for each in said if isinstance(each, TextDelta)]
    assert "".join(texts).startswith(GREETING)
    assert (len(texts) > 3) is dedicated
    assert isinstance(said[-1], Finished)
    assert said[-1].usage.completion_tokens > 5
    assert [each.name for each in called if isinstance(each, CallPiece | ToolCall) and each.name] == ["search_events"]
    assert isinstance(called[-1], Finished)
    assert called[-1].reason == "tool_calls"


async def test_googles_own_client(front: str) -> None:
    from google.cloud.aiplatform_v1.services.prediction_service import PredictionServiceClient
    from google.cloud.aiplatform_v1.services.prediction_service.transports import PredictionServiceRestTransport
    from google.oauth2.credentials import Credentials
    from google.protobuf import json_format

    def ask() -> list[Any]:
        transport = PredictionServiceRestTransport(host=front, url_scheme="http", credentials=Credentials(TOKEN))
        instances = [{"messages": HELLO}, {"messages": 7}, {"messages": ASK, "tools": list(tool_schemas())}]
        predicted = PredictionServiceClient(transport=transport).predict(
            endpoint=ENDPOINT, instances=instances, parameters={"temperature": 0.5}
        )
        assert predicted.deployed_model_id == "12"
        return [json_format.MessageToDict(each) for each in predicted.predictions.pb]

    said, failed, called = await asyncio.to_thread(ask)
    assert said["response"].startswith(GREETING)
    assert said["tool_calls"] == []
    assert (failed["response"], failed["error"]["status"]) == (None, 400)
    assert called["tool_calls"][0]["function"]["name"] == "search_events"


async def test_googles_session_with_raw_bodies(front: str) -> None:
    """As `Endpoint.raw_predict` and `stream_raw_predict` of google-cloud-aiplatform post them."""
    from google.auth.transport.requests import AuthorizedSession
    from google.oauth2.credentials import Credentials

    def ask() -> tuple[Any, Any, list[bytes]]:
        session = AuthorizedSession(Credentials(TOKEN))
        at, headers = f"http://{front}/v1/{ENDPOINT}", {"Content-Type": "application/json"}
        marked = json.dumps({"instances": [{"@requestFormat": "chatCompletions", "messages": HELLO}]})
        wrapped = session.post(f"{at}:rawPredict", data=marked, headers=headers)
        plain = session.post(f"{at}:rawPredict", data=json.dumps({"messages": HELLO}), headers=headers)
        body = json.dumps({"messages": HELLO, "stream": True})
        with session.post(f"{at}:streamRawPredict", data=body, headers=headers, stream=True) as answer:
            return wrapped.json(), plain.json(), [line for line in answer.iter_lines() if line]

    wrapped, plain, lines = await asyncio.to_thread(ask)
    assert wrapped["predictions"]["choices"][0]["message"]["content"].startswith(GREETING)
    assert plain["choices"][0]["message"]["content"].startswith(GREETING)
    assert lines[-1] == b"data: [DONE]"
    chunks = [json.loads(line.removeprefix(b"data: ")) for line in lines[:-1]]
    assert "".join(each["choices"][0]["delta"].get("content") or "" for each in chunks).startswith(GREETING)
