"""Engines in front of models elsewhere, against stand-ins of the services; and what is one wire's alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.auth.credentials import Credentials

from contracts.engines.suite import TOOLS, EngineBench, RemoteEngineSuite, prompt, wishes
from contracts.models import gemini_stand_in as gemini
from contracts.models.gemini_stand_in import GeminiStandIn
from contracts.models.openai_stand_in import ENDPOINT, KEY, MODEL, OpenAIStandIn, VertexStandIn
from contracts.models.stand_in import Say, StandIn
from served import free_port
from usher_inference.adapters.remote_gemini_engine import GeminiEngine
from usher_inference.adapters.remote_openai_engine import OpenAIEngine
from usher_inference.adapters.remote_vertex_engine import VertexEngine
from usher_inference.completions.model import TextDelta, TokenChance
from usher_shared.errors import InvalidRequest

SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}}, "required": ["to"]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "route", "schema": SCHEMA}}


async def _token() -> str:
    return KEY


class FixedCredentials(Credentials):
    """Google credentials that need nobody."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.token = gemini.TOKEN
        self.expiry = (datetime.now(UTC) + timedelta(hours=1)).replace(tzinfo=None)

    def refresh(self, request: Any) -> None:
        raise AssertionError("it is good for an hour")


async def _bench(server: StandIn, make: Any, *, streams: bool = True) -> AsyncIterator[EngineBench]:
    await server.open()
    engine = make(server.url)
    yield EngineBench(engine, server, lambda: make(f"http://127.0.0.1:{free_port()}"), streams)
    await engine.close()
    await server.close()


class TestOpenAI(RemoteEngineSuite):
    __test__ = True

    @pytest.fixture
    async def bench(self) -> AsyncIterator[EngineBench]:
        def make(url: str) -> OpenAIEngine:
            return OpenAIEngine("elsewhere", f"{url}/v1", MODEL, api_key=KEY)

        async for bench in _bench(OpenAIStandIn(), make):
            yield bench

    async def test_what_the_request_says_is_passed_on_and_nothing_else(self, bench: EngineBench) -> None:
        await self.ask(bench, wishes(temperature=0.5, top_p=0.9, seed=7, presence_penalty=1.0))
        await self.ask(bench, prompt(max_tokens=9, stop=["a", "b", "c", "d", "e"]))
        sent, limited = bench.server.requests
        plain = {"model", "messages", "stream", "stream_options"}
        assert {name: sent[name] for name in set(sent) - plain} == {
            "temperature": 0.5,
            "top_p": 0.9,
            "seed": 7,
            "presence_penalty": 1.0,
        }
        assert {name: limited[name] for name in set(limited) - plain} == {"max_tokens": 9, "stop": ["a", "b", "c", "d"]}

    async def test_forced_calls(self, bench: EngineBench) -> None:
        named = {"type": "function", "function": {"name": "list_orders"}}
        await self.ask(bench, prompt(tools=TOOLS, tool_choice="required"))
        await self.ask(bench, prompt(tools=TOOLS, tool_choice=named, parallel_tool_calls=False))
        required, one = bench.server.requests
        assert required["tool_choice"] == "required"
        assert required["tools"] == TOOLS
        assert one["tool_choice"] == named
        assert one["parallel_tool_calls"] is False
        assert one["tools"] == TOOLS[1:]

    async def test_an_answer_in_a_format(self, bench: EngineBench) -> None:
        await self.ask(bench, prompt(response_format=FORMAT))
        await self.ask(bench, prompt(response_format={"type": "json_object"}))
        assert [sent["response_format"] for sent in bench.server.requests] == [FORMAT, {"type": "json_object"}]

    async def test_log_probabilities(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(("Yes", " it")))
        first, second, _ = await self.ask(bench, prompt(logprobs=True, top_logprobs=2))
        assert bench.server.requests[0]["top_logprobs"] == 2
        assert first == TextDelta("Yes", (TokenChance("Yes", -0.25, (("Yes", -0.25), ("Well", -2.5))),))
        assert isinstance(second, TextDelta)
        assert second.chances[0].text == " it"


class TestOpenAIWithoutIndexes(RemoteEngineSuite):
    """A server whose call deltas have no index, asked with a token of its own each time."""

    __test__ = True

    @pytest.fixture
    async def bench(self) -> AsyncIterator[EngineBench]:
        def make(url: str) -> OpenAIEngine:
            return OpenAIEngine("elsewhere", f"{url}/v1", MODEL, access_token=_token)

        async for bench in _bench(OpenAIStandIn(indexed=False), make):
            yield bench


class TestVertexDedicated(RemoteEngineSuite):
    __test__ = True

    @pytest.fixture
    async def bench(self) -> AsyncIterator[EngineBench]:
        def make(url: str) -> VertexEngine:
            return VertexEngine("elsewhere", url + ENDPOINT, "tuned", _token)

        async for bench in _bench(VertexStandIn(), make):
            yield bench


class TestVertexShared(RemoteEngineSuite):
    """A shared endpoint answers whole."""

    __test__ = True

    @pytest.fixture
    async def bench(self) -> AsyncIterator[EngineBench]:
        def make(url: str) -> VertexEngine:
            return VertexEngine("elsewhere", url + ENDPOINT, "tuned", _token, dedicated=False)

        async for bench in _bench(VertexStandIn(), make, streams=False):
            yield bench

    async def test_too_long_a_conversation_is_refused_before_it_is_sent(self, bench: EngineBench) -> None:
        with pytest.raises(InvalidRequest, match="shared"):
            await self.ask(bench, prompt({"role": "user", "content": "x" * 1_500_000}))
        assert bench.server.requests == []


class TestGemini(RemoteEngineSuite):
    __test__ = True

    @pytest.fixture
    async def bench(self) -> AsyncIterator[EngineBench]:
        def make(url: str) -> GeminiEngine:
            return GeminiEngine("elsewhere", gemini.MODEL, api_key=gemini.KEY, base_url=url)

        async for bench in _bench(GeminiStandIn(), make):
            yield bench

    async def test_what_the_request_says_is_passed_on(self, bench: EngineBench) -> None:
        await self.ask(bench, wishes(temperature=0.5, top_k=40, seed=7))
        await self.ask(bench, prompt(max_tokens=9, stop="a", response_format=FORMAT))
        sampled, limited = (sent["generationConfig"] for sent in bench.server.requests)
        assert sampled == {"temperature": 0.5, "topK": 40, "seed": 7}
        assert limited == {
            "maxOutputTokens": 9,
            "stopSequences": ["a"],
            "responseMimeType": "application/json",
            "responseJsonSchema": SCHEMA,
        }

    async def test_forced_calls(self, bench: EngineBench) -> None:
        await self.ask(bench, prompt(tools=TOOLS, tool_choice="required"))
        assert bench.server.requests[0]["toolConfig"]["functionCallingConfig"] == {
            "mode": "ANY",
            "allowedFunctionNames": ["search_events", "list_orders"],
        }

    @pytest.mark.parametrize(("asked", "param"), [(wishes(min_p=0.1), "min_p"), (prompt(logprobs=True), "logprobs")])
    async def test_what_gemini_has_not_is_refused(self, bench: EngineBench, asked: Any, param: str) -> None:
        with pytest.raises(InvalidRequest) as raised:
            await self.ask(bench, asked)
        assert raised.value.extra == {"param": param}
        assert bench.server.requests == []


class TestGeminiOnVertex(RemoteEngineSuite):
    __test__ = True

    @pytest.fixture
    async def bench(self) -> AsyncIterator[EngineBench]:
        def make(url: str) -> GeminiEngine:
            return GeminiEngine(
                "elsewhere",
                gemini.MODEL,
                project="tickets",
                location="europe-west4",
                base_url=url,
                credentials=FixedCredentials(),
            )

        async for bench in _bench(GeminiStandIn(vertex=True), make):
            yield bench
