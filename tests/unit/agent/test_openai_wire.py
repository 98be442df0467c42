"""What servers that call themselves OpenAI-compatible really send, each seen in the wild."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from usher_agent.adapters.completions import completion_of
from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout
from usher_shared.model_servers.answers import Refused, RequestedCall
from usher_shared.model_servers.openai_wire import ToolsAsJson, error_of, gather, read_message, request_body, sse_data


async def stream(*deltas: dict[str, Any], end: str = "data: [DONE]\n\n", line: str = "\n") -> Any:
    heard: list[str] = []

    async def pieces() -> AsyncIterator[bytes]:
        for delta in deltas:
            chunk = delta if "choices" in delta or "error" in delta else {"choices": [{"index": 0, "delta": delta}]}
            raw = (f"data: {json.dumps(chunk)}{line}{line}").encode()
            yield raw[:7]  # cut anywhere
            yield raw[7:]
        yield end.encode()

    gathered = await gather(sse_data(pieces()), heard.append)
    assert "".join(heard) == "".join(gathered.text)
    return completion_of(gathered, "m")


def call(name: str | None, arguments: Any, **more: Any) -> dict[str, Any]:
    return {"tool_calls": [{**more, "function": {"name": name, "arguments": arguments}}]}


async def test_calls_by_index_with_null_content() -> None:
    completion = await stream(
        {"role": "assistant", "content": None},
        call("a", "", index=0, id="1"),
        call("b", '{"x"', index=1, id="2"),
        call(None, ":1}", index=1),
        call(None, "{}", index=0),
    )
    assert list(completion.tool_calls) == [RequestedCall("a", "{}"), RequestedCall("b", '{"x":1}')]


async def test_calls_without_an_index() -> None:
    completion = await stream(call("a", "{}", id="1"), call("a", '{"y"', id="2"), call(None, ":2}"))
    assert list(completion.tool_calls) == [RequestedCall("a", "{}"), RequestedCall("a", '{"y":2}')]


async def test_parallel_calls_that_all_have_the_index_0() -> None:
    completion = await stream(call("a", '{"n":1}', index=0, id="1"), call("a", '{"n":2}', index=0, id="2"))
    assert [c.arguments for c in completion.tool_calls] == ['{"n":1}', '{"n":2}']


async def test_a_name_that_is_repeated_with_each_fragment() -> None:
    completion = await stream(call("a", '{"n"', index=0, id="1"), call("a", ":1}", index=0, id="1"))
    assert list(completion.tool_calls) == [RequestedCall("a", '{"n":1}')]


async def test_arguments_as_an_object() -> None:
    assert list((await stream(call("a", {"n": 1}))).tool_calls) == [RequestedCall("a", '{"n":1}')]


async def test_thoughts_are_nobodys_to_read() -> None:
    completion = await stream({"reasoning_content": "They want"}, {"reasoning": "cheap"}, {"content": "Hello."})
    assert completion.text == "Hello."


async def test_carriage_returns_comments_and_a_missing_end() -> None:
    last = {"choices": [{"delta": {"content": "lo."}, "finish_reason": "stop"}]}
    completion = await stream({"content": "Hel"}, last, end=": ping\r\n\r\ndata:\n\n", line="\r\n")
    assert completion.text == "Hello."


async def test_a_stream_that_just_stops_is_no_answer() -> None:
    with pytest.raises(UpstreamFailed, match="broke off"):
        await stream({"content": "The seats cost"}, end="")


async def test_chunks_without_choices() -> None:
    completion = await stream(
        {"choices": [], "prompt_filter_results": []},
        {"content": "Hi."},
        {"choices": None, "usage": {"prompt_tokens": 7, "completion_tokens": 2, "prompt_tokens_details": None}},
    )
    assert (completion.text, completion.prompt_tokens, completion.cached_tokens) == ("Hi.", 7, 0)


async def test_an_answer_that_is_cut_for_length_is_still_an_answer() -> None:
    completion = await stream({"content": "A long story"}, {"choices": [{"delta": {}, "finish_reason": "length"}]})
    assert completion.text == "A long story"


async def test_an_error_in_the_middle() -> None:
    with pytest.raises(UpstreamFailed):
        await stream({"content": "Hi"}, {"error": {"message": "CUDA out of memory"}})


def test_content_in_parts() -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "Hel"}, {"type": "text", "text": "lo."}]
    body = {"choices": [{"message": {"content": parts}}], "usage": {"prompt_tokens": -1, "completion_tokens": "4"}}
    completion = completion_of(read_message(body), "m")
    assert (completion.text, completion.prompt_tokens, completion.completion_tokens) == ("Hello.", 0, 0)


def test_a_refusal_is_one() -> None:
    body = {"choices": [{"message": {"content": None, "refusal": "I can't help with that."}, "finish_reason": "stop"}]}
    with pytest.raises(Refused):
        completion_of(read_message(body), "m")


@pytest.mark.parametrize("raw", [b"", b"[]", b'{"choices": []}', b'{"choices": [{"message": 1}]}', b'{"error": "x"}'])
def test_what_is_no_completion(raw: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        read_message(raw)


@pytest.mark.parametrize(
    ("status", "retry_after", "kind", "seconds"),
    [
        (429, "7", Unavailable, 7.0),
        (429, "0.5", Unavailable, 0.5),
        (503, "Wed, 21 Oct 2026 07:28:00 GMT", Unavailable, None),
        (429, "-3", Unavailable, None),
        (429, "nan", Unavailable, None),
        (529, None, Unavailable, None),
        (504, None, UpstreamTimeout, None),
        (400, None, Refused, None),
        (422, None, Refused, None),
        (401, None, UpstreamFailed, None),
        (404, None, UpstreamFailed, None),
        (500, None, UpstreamFailed, None),
        (302, None, UpstreamFailed, None),
    ],
)
def test_what_a_status_means(status: int, retry_after: str | None, kind: type, seconds: float | None) -> None:
    error = error_of(status, b'{"error": {"message": "you said: my secret", "code": "some_code"}}', retry_after)
    assert type(error) is kind
    assert error.retry_after_seconds == seconds
    assert error.detail.endswith("some_code")


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"error": "x"}', b'{"error": {"code": "my secret words"}}'])
def test_an_error_without_a_name(body: bytes) -> None:
    assert error_of(500, body, None).detail == "the model's server answered 500"


@pytest.mark.parametrize("keep", [False, True])
def test_a_signature_goes_back_to_googles_surface_alone(keep: bool) -> None:
    google = {"thought_signature": "c2ln", "model": "gemini-3-flash-preview"}
    function = {"name": "a", "arguments": "{}"}
    call = {"id": "1", "type": "function", "function": function, "extra_content": {"google": google}}
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    body = request_body(messages, model="m", tools=None, stream=False, options={"temperature": None}, extras=keep)
    assert set(body) == {"model", "messages"}
    (sent,) = body["messages"][1]["tool_calls"]
    assert sent.pop("extra_content", None) == ({"google": {"thought_signature": "c2ln"}} if keep else None)
    assert sent == {"id": "1", "type": "function", "function": function}
    assert body["messages"][0] is messages[0]


def test_each_list_of_tools_is_written_once() -> None:
    written = ToolsAsJson()
    lists = [[{"n": n}] for n in range(3)]
    first = [written.of(tools) for tools in lists]
    assert [written.of(tools) for tools in lists] == first
    assert len({id(fragment) for fragment in first}) == 3
