"""The official OpenAI client, unmodified, against the app served by uvicorn."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import httpx
import openai
import pytest
import uvicorn

from unit.inference.insights.conftest import library
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import Deps, create_app
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.contracts.handover import Route, Standing, route_response_format
from usher_shared.contracts.tools import tool_schemas
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "s" * 40
SYSTEM = "You help.\nCurrent time: 2026-11-20T10:00:00-08:00\nHome time zone: America/Los_Angeles"
ASK = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "two tickets for the Sharks tonight"}]
GREETING = "Hello! I can find events"
OTHER_COLLEAGUES = {
    "type": "json_schema",
    "json_schema": {"name": "route", "schema": {"properties": {"specialist": {"enum": ["cook", "waiter"]}}}},
}


def token(caller: str = "agent", audience: str = "inference", secret: str = SECRET) -> str:
    return asyncio.run(LocalTokenSource(caller, secret).token(audience))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    models = FixedModels((PlaybookEngine("9.9"),), SystemClock().now())
    deps = Deps(models, LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator())
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(uvicorn.Config(create_app(Settings(), deps), log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key=token(), max_retries=0) as made:
        yield made


def test_answers_with_text_and_usage(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="usher-playbook",
        messages=[{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        temperature=0.2,
        top_p=0.9,
        seed=7,
        user="someone",
        metadata={"a": "b"},
        logit_bias={},
        parallel_tool_calls=False,
    )
    assert answer.object == "chat.completion"
    assert answer.system_fingerprint == "usher-playbook-9.9"
    choice = answer.choices[0]
    assert choice.finish_reason == "stop"
    assert choice.message.content is not None
    assert choice.message.content.startswith(GREETING)
    assert choice.message.tool_calls is None
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.completion_tokens > 5


def test_calls_a_tool(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="usher-playbook", messages=ASK, tools=tool_schemas())
    choice = answer.choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    [call] = choice.message.tool_calls or []
    assert call.id
    assert call.function.name == "search_events"
    assert json.loads(call.function.arguments)["date"] == "2026-11-20"


def test_goes_on_from_a_tool_answer(client: openai.OpenAI) -> None:
    first = client.chat.completions.create(model="usher-playbook", messages=ASK, tools=tool_schemas())
    message = first.choices[0].message
    [call] = message.tool_calls or []
    history = [
        *ASK,
        message.model_dump(exclude_none=True),
        {"role": "tool", "tool_call_id": call.id, "content": '{"events": []}'},
    ]
    second = client.chat.completions.create(model="usher-playbook", messages=history, tools=tool_schemas())
    assert second.choices[0].finish_reason in ("stop", "tool_calls")


def test_streams_text_with_usage(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="usher-playbook",
        messages=[{"role": "user", "content": "hello"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    assert chunks[0].choices[0].delta.role == "assistant"
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(pieces).startswith(GREETING)
    assert len([piece for piece in pieces if piece]) > 3
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1] == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert len({chunk.id for chunk in chunks}) == 1


def test_streams_tool_calls_piece_by_piece(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="usher-playbook", messages=ASK, tools=tool_schemas(), stream=True)
    deltas = [chunk.choices[0] for chunk in stream]
    calls = [choice.delta.tool_calls[0] for choice in deltas if choice.delta.tool_calls]
    assert (calls[0].index, calls[0].id is not None, calls[0].type) == (0, True, "function")
    assert calls[0].function is not None
    assert calls[0].function.name == "search_events"
    assert all(call.id is None for call in calls[1:])
    arguments = "".join(call.function.arguments or "" for call in calls if call.function)
    assert json.loads(arguments)["query"]
    assert deltas[-1].finish_reason == "tool_calls"


def test_the_clients_stream_helper_accumulates(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(model="usher-playbook", messages=ASK, tools=tool_schemas()) as stream:
        final = stream.get_final_completion()
    assert (final.choices[0].message.tool_calls or [])[0].function.name == "search_events"


async def test_the_asynchronous_client_works(url: str) -> None:
    key = await LocalTokenSource("cli", SECRET).token("inference")
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        answer = await client.chat.completions.create(
            model="usher-playbook", messages=[{"role": "user", "content": "thanks"}]
        )
    assert answer.choices[0].message.content


def test_tool_choice_none_answers_with_text(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="usher-playbook", messages=ASK, tools=tool_schemas(), tool_choice="none"
    )
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content


def test_tool_choice_required_calls_a_tool(client: openai.OpenAI) -> None:
    hello = [{"role": "user", "content": "hello"}]
    answer = client.chat.completions.create(
        model="usher-playbook", messages=hello, tools=tool_schemas(), tool_choice="required"
    )
    assert answer.choices[0].finish_reason == "tool_calls"


def test_tool_choice_named_calls_that_tool(client: openai.OpenAI) -> None:
    named = {"type": "function", "function": {"name": "search_events"}}
    answer = client.chat.completions.create(
        model="usher-playbook", messages=ASK, tools=tool_schemas(), tool_choice=named
    )
    assert (answer.choices[0].message.tool_calls or [])[0].function.name == "search_events"


def test_a_demanded_call_is_never_made_up(client: openai.OpenAI) -> None:
    named = {"type": "function", "function": {"name": "refund_order"}}
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model="usher-playbook", messages=ASK, tools=tool_schemas(), tool_choice=named)
    assert refused.value.code == "tool_choice_unsatisfiable"
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(
            model="usher-playbook", messages=ASK, tools=tool_schemas(), tool_choice=named, stream=True
        )


@pytest.mark.parametrize("stream", [False, True])
def test_stops_before_a_stop_text(client: openai.OpenAI, stream: bool) -> None:
    text = _text(client, stream, stop=["find events", "nowhere"])
    assert text == "Hello! I can "


@pytest.mark.parametrize("stream", [False, True])
def test_ends_at_the_token_limit(client: openai.OpenAI, stream: bool) -> None:
    text = _text(client, stream, max_tokens=3)
    assert text.startswith("Hello!")
    assert len(text) < 15


def _text(client: openai.OpenAI, stream: bool, **options: object) -> str:
    hello = [{"role": "user", "content": "hello"}]
    answer = client.chat.completions.create(model="usher-playbook", messages=hello, stream=stream, **options)
    if stream:
        return "".join(chunk.choices[0].delta.content or "" for chunk in answer)
    expected = "length" if "max_tokens" in options else "stop"
    assert answer.choices[0].finish_reason == expected
    return answer.choices[0].message.content


def test_lists_and_retrieves_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["usher-playbook", "usher-lexical"]
    assert client.models.retrieve("usher-playbook").owned_by == "usher"


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-4o", messages=ASK)
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-4o")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"model": "usher-playbook"}, "messages"),
        ({"model": "usher-playbook", "messages": []}, "messages"),
        ({"model": "usher-playbook", "messages": [{"role": "wizard", "content": "x"}]}, "messages.0.role"),
        ({"model": "usher-playbook", "messages": ASK, "n": 2}, "n"),
        ({"model": "usher-playbook", "messages": ASK, "response_format": {"type": "json_object"}}, "response_format"),
        (
            {
                "model": "usher-playbook",
                "messages": ASK,
                "response_format": {"type": "json_schema", "json_schema": {"name": "poem", "schema": {}}},
            },
            "response_format",
        ),
        (
            {"model": "usher-playbook", "messages": ASK, "response_format": OTHER_COLLEAGUES},
            "response_format",
        ),
        ({"model": "usher-playbook", "messages": ASK, "response_format": {"type": "json_schema"}}, "response_format"),
        ({"model": "usher-playbook", "messages": ASK, "tool_choice": "required"}, "tool_choice"),
    ],
)
def test_bad_requests_name_the_field(client: openai.OpenAI, body: dict[str, object], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.post("/chat/completions", body=body, cast_to=object)
    assert refused.value.param == param
    assert refused.value.type == "invalid_request_error"


def ask_route(client: openai.OpenAI, message: str, standing: Standing, *, stream: bool = False) -> Route:
    system = f"Which colleague answers?\n\n{standing.lines()}"
    asked: dict[str, Any] = {
        "model": "usher-playbook",
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": message}],
        "response_format": route_response_format(),
    }
    if stream:
        chunks = client.chat.completions.create(**asked, stream=True)
        return Route.model_validate_json("".join(c.choices[0].delta.content or "" for c in chunks if c.choices))
    return Route.model_validate_json(client.chat.completions.create(**asked).choices[0].message.content or "")


@pytest.mark.parametrize("stream", [False, True])
def test_answers_a_strict_schema_for_a_route(client: openai.OpenAI, stream: bool) -> None:
    fresh = Standing()
    assert ask_route(client, "two tickets for the Sharks tonight", fresh, stream=stream).specialist == "purchase"
    assert ask_route(client, "please refund order ORD_1", fresh, stream=stream).specialist == "support"
    assert ask_route(client, "can I upgrade my seats?", fresh, stream=stream).specialist == "upgrade"
    assert ask_route(client, "is there parking?", fresh, stream=stream).specialist == "faq"


def test_a_route_goes_on_where_the_conversation_stands(client: openai.OpenAI) -> None:
    asked = Standing(specialist="upgrade", proposal="upgrade_tickets")
    assert ask_route(client, "yes", asked).specialist == "upgrade"
    assert ask_route(client, "yes please", Standing(specialist="faq", holds=True)).specialist == "purchase"
    assert ask_route(client, "yes please", Standing(specialist="faq")).specialist == "faq"


def test_the_clients_own_typed_parsing_takes_a_route(client: openai.OpenAI) -> None:
    messages: Any = [{"role": "user", "content": "I want my money back"}]
    answer = client.chat.completions.parse(
        model="usher-playbook", messages=messages, response_format=cast(Any, route_response_format())
    )
    assert Route.model_validate_json(answer.choices[0].message.content or "").specialist == "support"


def test_callers_are_checked(url: str) -> None:
    for key, kind in (
        ("sk-nonsense", openai.AuthenticationError),
        (token(secret="t" * 40), openai.AuthenticationError),
        (token(caller="webhooks"), openai.PermissionDeniedError),
        (token(audience="tools"), openai.PermissionDeniedError),
    ):
        with (
            openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client,
            pytest.raises(kind) as refused,
        ):
            client.models.list()
        assert refused.value.type in ("authentication_error", "permission_error")


def test_ready_generates(url: str, client: openai.OpenAI) -> None:
    import urllib.request

    with urllib.request.urlopen(f"{url}/ready") as answer:  # noqa: S310  the test's own server
        assert json.load(answer)["checks"] == {"engine": "ok"}


@pytest.mark.parametrize("told", [None, "application/x-www-form-urlencoded", "text/plain", "application/json; x=y"])
def test_a_body_is_json_whatever_its_header_says(url: str, told: str | None) -> None:
    """`curl -d` alone calls every body a form."""
    headers = {"Authorization": f"Bearer {token()}"} | ({"Content-Type": told} if told else {})
    body = json.dumps({"model": "usher-playbook", "messages": [{"role": "user", "content": "hello"}]})
    answer = httpx.post(f"{url}/v1/chat/completions", content=body, headers=headers)
    assert answer.status_code == 200
    assert answer.json()["choices"][0]["message"]["content"].startswith(GREETING)
    body = json.dumps({"model": "usher-lexical", "input": "hello"})
    assert httpx.post(f"{url}/v1/embeddings", content=body, headers=headers).status_code == 200
    as_cli = headers | {"Authorization": f"Bearer {token('cli')}"}
    body = json.dumps(library("How many members do we have?"))
    assert httpx.post(f"{url}/v1/insights", content=body, headers=as_cli).status_code == 200
    refused = httpx.post(f"{url}/v1/chat/completions", content="model=usher-playbook", headers=headers)
    assert refused.status_code == 400
    assert "JSON" in refused.json()["error"]["message"]
