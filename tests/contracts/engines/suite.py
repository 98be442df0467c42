"""What every engine in front of a model elsewhere does. A test of one subclasses `RemoteEngineSuite` with `bench`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from contracts.models.stand_in import RETRY_AFTER_SECONDS, Fault, Say, StandIn
from usher_inference.completions.model import (
    ChatRequest,
    Delta,
    Finished,
    Prompt,
    SamplingWishes,
    TextDelta,
    ToolCall,
    Usage,
)
from usher_inference.completions.ports import Engine
from usher_inference.completions.prompts import read_prompt
from usher_shared.errors import InvalidRequest, Unavailable, UpstreamFailed, UpstreamTimeout, UsherError

SEARCH = {"name": "search_events", "description": "Find", "parameters": {"type": "object", "properties": {"query": {"type": "string"}}}}  # fmt: skip  # noqa: E501
LIST = {"name": "list_orders", "description": "List", "parameters": {"type": "object", "properties": {}}}
TOOLS = [{"type": "function", "function": SEARCH}, {"type": "function", "function": LIST}]
LONG = [
    {"role": "developer", "content": "You sell tickets."},
    {"role": "user", "content": [{"type": "text", "text": "Hamlet?"}, {"type": "image_url", "image_url": {}}]},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "search_events", "arguments": '{"query": "Hamlet"}'}},
            {"id": "2", "type": "function", "function": {"name": "list_orders", "arguments": "{}"}},
        ],
    },
    {"role": "tool", "tool_call_id": "1", "content": '{"events": []}'},
    {"role": "tool", "tool_call_id": "2", "content": "no JSON at all"},
    {"role": "system", "content": "The proposal has expired."},
    {"role": "user", "content": "And tomorrow?"},
]


@dataclass
class EngineBench:
    engine: Engine
    server: StandIn
    unreachable: Callable[[], Engine]
    streams: bool = True


def prompt(*messages: dict[str, Any], deadline: float = 5.0, **more: Any) -> Prompt:
    """As the API reads it."""
    told = list(messages) or [{"role": "user", "content": "What is on tonight?"}]
    body = ChatRequest.model_validate({"model": "m", "messages": told, **more})
    return read_prompt(body, max_messages=100, deadline_seconds=deadline)


async def pieces_of(engine: Engine, asked: Prompt) -> list[Delta]:
    return [piece async for piece in engine.generate(asked)]


def text_of(pieces: list[Delta]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))


class RemoteEngineSuite:
    __test__ = False

    async def ask(self, bench: EngineBench, asked: Prompt | None = None) -> list[Delta]:
        try:
            return await pieces_of(bench.engine, asked or prompt(tools=TOOLS))
        finally:
            assert not bench.server.problems, bench.server.problems

    async def test_text_comes_piece_by_piece_and_ends_with_the_servers_figures(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(("Hamlet ", "is on."), tokens=(1200, 34, 1024)))
        *said, last = await self.ask(bench)
        wanted = [TextDelta("Hamlet "), TextDelta("is on.")] if bench.streams else [TextDelta("Hamlet is on.")]
        assert said == wanted
        assert last == Finished("stop", Usage(1200, 34, 1024))

    async def test_without_figures_they_are_estimated(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(("Yes, it is.",), fault="no_usage"))
        *_, last = await self.ask(bench)
        assert isinstance(last, Finished)
        assert last.usage.prompt_tokens > 0
        assert last.usage.completion_tokens > 0

    async def test_calls_come_whole_behind_the_text(self, bench: EngineBench) -> None:
        wanted = (("search_events", {"query": "Zoë", "date": None}), ("list_orders", {}))
        bench.server.script.append(Say(("Let me look.",), wanted))
        said, *calls, last = await self.ask(bench)
        assert said == TextDelta("Let me look.")
        assert calls == [ToolCall(name, arguments) for name, arguments in wanted]
        assert isinstance(last, Finished)
        assert last.reason == "tool_calls"

    async def test_one_call_where_no_more_are_wished_for(self, bench: EngineBench) -> None:
        bench.server.script.append(Say((), (("search_events", {"query": "a"}), ("list_orders", {}))))
        pieces = await self.ask(bench, prompt(tools=TOOLS, parallel_tool_calls=False))
        assert [piece for piece in pieces if isinstance(piece, ToolCall)] == [ToolCall("search_events", {"query": "a"})]

    async def test_a_call_with_broken_arguments_is_an_error(self, bench: EngineBench) -> None:
        bench.server.script.append(Say((), (("search_events", {}),), fault="broken_call"))
        with pytest.raises(UpstreamFailed):
            await self.ask(bench)

    async def test_a_long_conversation_is_understood(self, bench: EngineBench) -> None:
        assert text_of(await self.ask(bench, prompt(*LONG, tools=TOOLS))) == "Hello."

    async def test_a_request_without_tools(self, bench: EngineBench) -> None:
        assert text_of(await self.ask(bench, prompt())) == "Hello."
        assert "tools" not in bench.server.requests[0]

    async def test_an_answer_without_text_that_ran_out_of_tokens_has_ended(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(fault="spent"))
        (last,) = await self.ask(bench)
        assert isinstance(last, Finished)
        assert last.reason == "length"

    @pytest.mark.parametrize("fault", ["hang", "stall"])
    async def test_silence_ends_with_the_deadline(self, bench: EngineBench, fault: Fault) -> None:
        bench.server.script.append(Say(("One ", "two ", "three"), fault=fault))
        with pytest.raises(UpstreamTimeout):
            await self.ask(bench, prompt(deadline=0.15))
        await asyncio.wait_for(bench.server.gone.wait(), 5)

    async def test_a_reader_that_goes_is_felt_by_the_server(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(("One ", "two ", "three"), fault="stall"))
        reading = asyncio.create_task(pieces_of(bench.engine, prompt(deadline=30.0)))
        await asyncio.wait_for(bench.server.asked.wait(), 5)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await asyncio.wait_for(bench.server.gone.wait(), 5)

    async def test_a_reader_that_has_enough_is_felt_by_the_server(self, bench: EngineBench) -> None:
        if not bench.streams:
            pytest.skip("a shared endpoint does not stream")
        bench.server.script.append(Say(("One ", "two ", "three"), fault="stall"))
        pieces: Any = bench.engine.generate(prompt(deadline=30.0))
        assert await anext(pieces) == TextDelta("One ")
        await pieces.aclose()
        await asyncio.wait_for(bench.server.gone.wait(), 5)

    async def test_the_answer_may_be_read_to_its_end_by_another_task(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(("One ", "two ", "three")))
        pieces = bench.engine.generate(prompt())
        first = await anext(pieces)

        async def rest() -> list[Delta]:
            return [piece async for piece in pieces]

        assert text_of([first, *await asyncio.create_task(rest())]) == "One two three"

    async def test_overload_tells_when_to_come_back(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(fault="overload"))
        with pytest.raises(Unavailable) as raised:
            await self.ask(bench)
        assert raised.value.retry_after_seconds == RETRY_AFTER_SECONDS

    async def test_what_the_server_refuses_is_the_requests_fault(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(fault="refuse"))
        with pytest.raises(InvalidRequest) as raised:
            await self.ask(bench)
        assert "secret" not in raised.value.detail

    @pytest.mark.parametrize("said", [(), ("I would ", "rather ")])
    async def test_what_is_withheld_for_safety_says_so(self, bench: EngineBench, said: tuple[str, ...]) -> None:
        bench.server.script.append(Say(said, fault="blocked"))
        with pytest.raises(InvalidRequest) as raised:
            await self.ask(bench)
        assert raised.value.code == "content_filter"

    @pytest.mark.parametrize("fault", ["forbid", "nonsense", "empty", "cut"])
    async def test_what_is_no_answer_is_a_failure_upstream(self, bench: EngineBench, fault: Fault) -> None:
        bench.server.script.append(Say(("One ", "two ", "three") if fault == "cut" else (), fault=fault))
        with pytest.raises(UpstreamFailed):
            await self.ask(bench)

    async def test_an_endless_answer_ends(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(fault="endless"))
        with pytest.raises(UpstreamFailed):
            await self.ask(bench, prompt(deadline=30.0))

    async def test_no_server_is_unavailable(self, bench: EngineBench) -> None:
        engine: Any = bench.unreachable()
        with pytest.raises(Unavailable):
            await pieces_of(engine, prompt(deadline=20.0))
        await engine.close()

    async def test_a_key_that_does_not_count_is_not_the_requests_fault(self, bench: EngineBench) -> None:
        bench.server.script.append(Say(fault="forbid"))
        with pytest.raises(UsherError) as raised:
            await self.ask(bench)
        assert raised.value.http_status == 502
        assert "secret" not in raised.value.detail


def wishes(**values: Any) -> Prompt:
    return replace(prompt(), sampling=SamplingWishes(**values))
