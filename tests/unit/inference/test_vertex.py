"""The predict route as Vertex AI uses it: instances, chat completions, streams, limits, health before the model."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from served import Served, free_port
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.completions.model import Delta, Finished, Prompt, TextDelta, Usage
from usher_inference.completions.ports import Models
from usher_inference.settings import Settings
from usher_inference.vertex.app import VertexDeps, create_vertex_app
from usher_inference.vertex.limits import SHARED_BYTES
from usher_shared.clock import ManualClock
from usher_shared.errors import InvalidRequest, RateLimited, UpstreamTimeout
from usher_shared.ids import SequentialIds

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
HEALTH, PREDICT = "/v1/endpoints/4711/deployedModels/12", "/v1/endpoints/4711/deployedModels/12:predict"


class Scripted:
    """An engine that does as the last message says. `gates` hold answers back; `longest` is how many ran at once."""

    model, version = "scripted", "3"

    def __init__(self) -> None:
        self.gates: dict[str, asyncio.Event] = {}
        self.running = self.longest = 0
        self.ended: list[str] = []
        self.begun, self.idle = asyncio.Event(), asyncio.Event()
        self.prompts: list[Prompt] = []
        self.refused: dict[str, int] = {}
        self.refusals: list[str] = []

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        said = prompt.messages[-1].text()
        self.prompts.append(prompt)
        self.running += 1
        self.longest = max(self.longest, self.running)
        try:
            if said in self.gates:
                self.begun.set()
                await self.gates[said].wait()
            else:
                await asyncio.sleep(0)
            if said == "full":
                raise RateLimited("the queue is full", retry_after_seconds=7)
            if said == "crowded":
                self.refusals.append(said)
                raise RateLimited("the queue is full", retry_after_seconds=0.001)
            if self.refused.get(said, 0):
                self.refused[said] -= 1
                raise RateLimited("the queue is full", retry_after_seconds=0.001)
            if said == "slow":
                raise UpstreamTimeout("too slow")
            if said == "refused":
                raise InvalidRequest("the prompt is too long", code="context_length_exceeded")
            if said == "broken":
                raise ZeroDivisionError
            if said == "long":
                yield TextDelta("x" * SHARED_BYTES)
            yield TextDelta("You said ")
            yield TextDelta(said)
            yield Finished("stop", Usage(2, 3))
        finally:
            self.running -= 1
            self.ended.append(said)
            if not self.running:
                self.idle.set()


@asynccontextmanager
async def container(engine: Any, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    @asynccontextmanager
    async def load() -> AsyncIterator[Models]:
        yield FixedModels((engine,), NOW)

    deps = VertexDeps(load, _unexpected, ManualClock(NOW), SequentialIds())
    async with serving(deps, **settings) as client:
        assert (await client.get(HEALTH)).status_code == 200
        yield client


def _unexpected(error: Exception) -> None:
    raise AssertionError from error


@asynccontextmanager
async def serving(deps: VertexDeps, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    server = Served(lambda: create_vertex_app(Settings(**settings), HEALTH, PREDICT, deps), free_port())
    await server.start()
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        yield client
    await server.stop()


def said(*texts: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text} for text in texts], **more}


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"@requestFormat": "chatCompletions", **said(text), **more}


async def test_predictions_come_in_the_instances_order() -> None:
    engine = Scripted()
    engine.gates["first"] = asyncio.Event()
    async with container(engine, predict_concurrency=4) as client:
        names = ["first", *(f"n{each}" for each in range(11))]
        asking = asyncio.create_task(client.post(PREDICT, json={"instances": [said(name) for name in names]}))
        await engine.begun.wait()
        engine.gates["first"].set()
        answer = await asking
    assert [each["response"] for each in answer.json()["predictions"]] == [f"You said {name}" for name in names]
    assert engine.longest == 4


async def test_a_failed_instance_leaves_its_neighbours_alone() -> None:
    asked = [said("a"), said("refused"), said("broken"), said("crowded"), {"messages": 7}, 7, said("b"), {}]
    asked += [said("c", model="another"), {"@requestFormat": "textGeneration", **said("d")}, said("slow")]
    async with container(Scripted()) as client:
        answer = await client.post(PREDICT, json={"instances": asked})
    assert answer.status_code == 200
    found = answer.json()["predictions"]
    assert [each["response"] for each in found] == ["You said a", *[None] * 5, "You said b", *[None] * 4]
    assert found[1] == {
        "response": None,
        "tool_calls": [],
        "error": {
            "message": "the prompt is too long",
            "type": "invalid_request_error",
            "param": None,
            "code": "context_length_exceeded",
            "status": 400,
        },
    }
    errors = [each.get("error", {}).get("status") for each in found]
    assert errors == [None, 400, 500, 429, 400, 400, None, 400, 404, 400, 504]
    assert "ZeroDivision" not in answer.text


async def test_those_that_find_no_room_are_tried_again_while_some_get_in() -> None:
    engine = Scripted()
    engine.refused = {"b": 1, "c": 2, "d": 3}
    async with container(engine) as client:
        crowded = await client.post(
            PREDICT, json={"instances": [said(each) for each in ("a", "b", "c", "d", "crowded")]}
        )
    found = crowded.json()["predictions"]
    assert [each["response"] for each in found] == ["You said a", "You said b", "You said c", "You said d", None]
    assert found[4]["error"]["status"] == 429
    assert len(engine.refusals) == 5  # the last round got nobody in: no more are made


async def test_where_there_is_room_for_none_the_request_is_refused_whole() -> None:
    async with container(Scripted()) as client:
        answer = await client.post(PREDICT, json={"instances": [said("full"), said("full")]})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "7")
    assert answer.json()["error"]["type"] == "rate_limit_error"


async def test_parameters_are_every_instances_own_words_win() -> None:
    engine = Scripted()
    async with container(engine) as client:
        await client.post(
            PREDICT,
            json={
                "instances": [said("a"), said("b", temperature=0.25, max_tokens=None)],
                "parameters": {"temperature": 0.75, "max_tokens": 9, "seed": 4},
            },
        )
    heard = {each.messages[-1].text(): each for each in engine.prompts}
    assert (heard["a"].sampling.temperature, heard["a"].max_tokens, heard["a"].sampling.seed) == (0.75, 9, 4)
    assert (heard["b"].sampling.temperature, heard["b"].max_tokens, heard["b"].sampling.seed) == (0.25, 9, 4)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("[]", None),
        ("{", None),
        ("{}", "instances"),
        ('{"instances": []}', "instances"),
        ('{"instances": {}}', "instances"),
        ('{"instances": [{}], "parameters": [1]}', "parameters"),
        (json.dumps({"instances": [{}] * 4}), "instances"),
        (json.dumps({"instances": [chat("a", temperature=9)]}), "temperature"),
        (json.dumps({"messages": []}), "messages"),
    ],
)
async def test_a_body_that_is_no_request_is_refused(body: str, param: str | None) -> None:
    async with container(Scripted(), predict_instances=3) as client:
        answer = await client.post(PREDICT, content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


async def test_hanging_up_ends_the_work_on_all_instances() -> None:
    engine = Scripted()
    engine.gates["forever"] = asyncio.Event()
    async with container(engine) as client:
        asking = asyncio.create_task(client.post(PREDICT, json={"instances": [said("forever")] * 3}))
        await engine.begun.wait()
        engine.idle.clear()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await engine.idle.wait()
    assert engine.ended[-3:] == ["forever"] * 3


async def test_a_chat_completion_is_wrapped_in_predictions() -> None:
    async with container(Scripted()) as client:
        one = (await client.post(PREDICT, json={"instances": [chat("a")], "parameters": {"seed": 1}})).json()
        two = (await client.post(PREDICT, json={"instances": [chat("a"), chat("refused")]})).json()
        failed = await client.post(PREDICT, json={"instances": [chat("refused")]})
    assert one["predictions"]["object"] == "chat.completion"
    assert one["predictions"]["choices"][0]["message"]["content"] == "You said a"
    assert two["predictions"][0]["choices"][0]["message"]["content"] == "You said a"
    assert two["predictions"][1]["error"]["code"] == "context_length_exceeded"
    assert (failed.status_code, failed.json()["error"]["code"]) == (400, "context_length_exceeded")


async def test_a_chat_completion_alone_is_answered_as_such() -> None:
    async with container(Scripted()) as client:
        answer = await client.post(PREDICT, json=said("a", model=""))
    assert answer.json()["object"] == "chat.completion"
    assert answer.json()["model"] == "scripted"
    assert answer.headers["usher-model-version"] == "3"


@pytest.mark.parametrize("wrapped", [True, False])
async def test_a_stream_is_passed_on_piece_by_piece(wrapped: bool) -> None:
    body = {"instances": [chat("a", stream=True)]} if wrapped else said("a", stream=True)
    async with container(Scripted()) as client, client.stream("POST", PREDICT, json=body) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = [line.removeprefix("data: ") async for line in answer.aiter_lines() if line]
    assert lines[-1] == "[DONE]"
    pieces = [json.loads(line)["choices"][0]["delta"].get("content") for line in lines[:-1]]
    assert [piece for piece in pieces if piece] == ["You said ", "a"]


async def test_a_shared_endpoint_has_its_limits() -> None:
    async with container(Scripted(), vertex_endpoint="shared") as client:
        streamed = await client.post(PREDICT, json={"instances": [chat("a", stream=True)]})
        large = await client.post(PREDICT, json={"instances": [said("long")]})
        body = await client.post(PREDICT, json={"instances": [said("y" * SHARED_BYTES)]})
        well = await client.post(PREDICT, json={"instances": [said("a")]})
        marked = await client.post(PREDICT, json={"instances": [chat("a")]})
    assert [each["object"] for each in marked.json()["predictions"]] == ["chat.completion"]
    assert (streamed.status_code, streamed.json()["error"]["param"]) == (400, "stream")
    assert (large.status_code, large.json()["error"]["code"]) == (413, "payload_too_large")
    assert body.status_code == 413
    assert well.status_code == 200
    async with container(Scripted()) as client:
        assert (await client.post(PREDICT, json={"instances": [said("long")]})).status_code == 200


async def test_each_instance_has_what_is_left_of_a_shared_endpoints_minute() -> None:
    engine = Scripted()
    async with container(engine, vertex_endpoint="shared") as client:
        await client.post(PREDICT, json={"instances": [said("a")]})
    asked = [each.deadline_seconds for each in engine.prompts if each.messages[-1].text() == "a"]
    assert asked[0] is not None
    assert 50 < asked[0] <= 55


async def test_an_engine_that_never_ends_costs_its_instance_alone() -> None:
    engine = Scripted()
    engine.gates["forever"] = asyncio.Event()
    asked = {"instances": [said("forever"), said("a")]}
    async with container(engine, max_deadline_seconds=0.2) as client:
        together = await client.post(PREDICT, json=asked)
        alone = await client.post(PREDICT, json={"instances": [chat("forever")]})
    assert [each["response"] for each in together.json()["predictions"]] == [None, "You said a"]
    assert together.json()["predictions"][0]["error"]["status"] == 504
    assert (alone.status_code, alone.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert engine.ended.count("forever") == 2  # both were ended, not forgotten


async def test_the_port_answers_before_the_model_is_there() -> None:
    loaded, taken, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def load() -> AsyncIterator[Models]:
        await loaded.wait()
        asyncio.get_running_loop().call_soon(taken.set)  # after this has been taken up
        yield FixedModels((Scripted(),), NOW)
        closed.set()

    async with serving(VertexDeps(load, _unexpected, ManualClock(NOW), SequentialIds())) as client:
        assert (await client.get("/live")).status_code == 200
        assert (await client.get(HEALTH)).status_code == 503
        refused = await client.post(PREDICT, json={"instances": [said("a")]})
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_loading")
        assert "retry-after" in refused.headers
        loaded.set()
        await taken.wait()
        assert (await client.get(HEALTH)).status_code == 200
        assert (await client.post(PREDICT, json={"instances": [said("a")]})).status_code == 200
    assert closed.is_set()


async def test_a_model_that_cannot_be_loaded_is_told_once() -> None:
    told: asyncio.Queue[Exception] = asyncio.Queue()

    @asynccontextmanager
    async def load() -> AsyncIterator[Models]:
        raise InvalidRequest("no such model")
        yield FixedModels((), NOW)

    async with serving(VertexDeps(load, told.put_nowait, ManualClock(NOW), SequentialIds())) as client:
        assert str(await told.get()) == "no such model"
        assert (await client.get(HEALTH)).status_code == 503
    assert told.empty()


async def test_an_engine_that_generates_nothing_is_not_healthy() -> None:
    class Mute(Scripted):
        async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
            raise ZeroDivisionError
            yield TextDelta("")

    @asynccontextmanager
    async def load() -> AsyncIterator[Models]:
        yield FixedModels((Mute(),), NOW)

    async with serving(VertexDeps(load, _unexpected, ManualClock(NOW), SequentialIds())) as client:
        assert (await client.get(HEALTH)).status_code == 503


@pytest.mark.parametrize("route", ["/health", "/ready", "/live"])
async def test_a_health_route_by_the_name_of_ours_is_still_vertexs(route: str) -> None:
    held = asyncio.Event()

    @asynccontextmanager
    async def load() -> AsyncIterator[Models]:
        await held.wait()
        yield FixedModels((Scripted(),), NOW)

    deps = VertexDeps(load, _unexpected, ManualClock(NOW), SequentialIds())
    app = create_vertex_app(Settings(), route, "/predict", deps)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://container") as client:
        assert (await client.get(route)).status_code == 503


async def test_nothing_else_is_open() -> None:
    async with container(Scripted()) as client:
        for path in ("/openapi.json", "/metrics", "/v1/models", "/docs", "/predict", "/reload", "/v1/chat/completions"):
            for method in ("GET", "POST"):
                answer = await client.request(method, path, headers={"Authorization": "Bearer x"})
                assert answer.status_code in (403, 404, 405), path
