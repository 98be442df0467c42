"""The model and the box office over real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from usher_agent.adapters.http_box_office import HttpBoxOffice
from usher_agent.adapters.openai_chat_model import OpenAIChatModel
from usher_agent.boxoffice.ports import Caller
from usher_agent.models.ports import CompletionRequest, RequestedCall
from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation
from usher_shared.errors import Conflict, Unavailable, UpstreamFailed, UpstreamTimeout
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier

SECRET = "s" * 40
MESSAGES = [{"role": "user", "content": "hi"}]
TOOLS = [{"type": "function", "function": {"name": "search_events", "parameters": {}}}]


def request(**more):
    return CompletionRequest(messages=MESSAGES, tools=TOOLS, conversation_id="c1", **more)


class Upstream:
    """One HTTP server that answers every request as told, and keeps what it was sent."""

    def __init__(self) -> None:
        self.seen: list[tuple[web.Request, object]] = []
        self.status = 200
        self.body: bytes | str = "{}"
        self.kind = "application/json"
        self.pieces: list[bytes] | None = None
        self.breaks = False

    async def handle(self, incoming: web.Request) -> web.StreamResponse:
        raw = await incoming.read()
        self.seen.append((incoming, json.loads(raw) if raw else None))
        if self.pieces is None:
            return web.Response(status=self.status, body=self.body, content_type=self.kind)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(incoming)
        for piece in self.pieces:
            await response.write(piece)
        if self.breaks:
            assert incoming.transport is not None
            incoming.transport.abort()
        return response


@pytest.fixture
async def upstream():
    told = Upstream()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", told.handle)
    async with TestServer(app) as server:
        told.url = str(server.make_url("")).rstrip("/")
        yield told


@pytest.fixture
async def model(upstream):
    adapter = OpenAIChatModel(upstream.url + "/v1/", "m1", api_key="key", temperature=0.2)
    yield adapter
    await adapter.close()


def message(**fields):
    body = {"model": "m1-large", "system_fingerprint": "m1-large-42", "choices": [{"message": fields}]}
    return json.dumps({**body, "usage": {"prompt_tokens": 3, "completion_tokens": 4}})


async def test_a_completion(upstream, model):
    upstream.body = message(
        content="Hello", tool_calls=[{"id": "x", "function": {"name": "search_events", "arguments": '{"query":"a"}'}}]
    )
    answer = await model.complete(request())
    assert answer.text == "Hello"
    assert answer.tool_calls == [RequestedCall("search_events", '{"query":"a"}')]
    assert (answer.prompt_tokens, answer.completion_tokens) == (3, 4)
    assert (answer.model, answer.version) == ("m1-large", "42")
    incoming, sent = upstream.seen[0]
    assert incoming.path == "/v1/chat/completions"
    assert incoming.headers["Authorization"] == "Bearer key"
    assert sent == {"model": "m1", "messages": MESSAGES, "tools": TOOLS, "temperature": 0.2}


async def test_our_own_inference_gets_a_service_token_and_the_conversation(upstream):
    upstream.body = message(content="hi")
    adapter = OpenAIChatModel(upstream.url + "/v1", "m1", tokens=LocalTokenSource("agent", SECRET))
    await adapter.complete(request())
    await adapter.close()
    headers = upstream.seen[0][0].headers
    token = headers["Authorization"].removeprefix("Bearer ")
    assert await LocalTokenVerifier(SECRET).verify(token, "inference") == "agent"
    assert headers["X-Serverless-Authorization"] == headers["Authorization"]  # for Cloud Run
    assert headers["Usher-Conversation"] == "c1"


async def test_a_foreign_server_without_a_key_gets_no_token(upstream):
    upstream.body = message(content="hi")
    adapter = OpenAIChatModel(upstream.url + "/v1", "m1")
    await adapter.complete(request())
    await adapter.close()
    assert "Authorization" not in upstream.seen[0][0].headers


def events(*chunks):
    frames = [b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks]
    return b": comment\n\n" + b"".join(frames) + b"data: [DONE]\n\n"


def delta(**fields):
    return {"model": "m1", "choices": [{"delta": fields}]}


def call_piece(index, name=None, arguments=None):
    return delta(tool_calls=[{"index": index, "function": {"name": name, "arguments": arguments}}])


@pytest.mark.parametrize("size", [1, 7, 100_000])
async def test_a_stream_however_it_is_cut(upstream, model, size):
    raw = events(
        delta(role="assistant", content=""),
        delta(content="Zwölf "),
        delta(content="Stühle"),
        call_piece(0, "search_events", ""),
        call_piece(1, "get_order", '{"order'),
        call_piece(0, None, '{"query"'),
        call_piece(0, None, ':"a"}'),
        call_piece(1, None, '_id":"O"}'),
        {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 6}},
    )
    upstream.pieces = [raw[i : i + size] for i in range(0, len(raw), size)]
    heard: list[str] = []
    answer = await model.complete(request(), heard.append)
    assert heard == ["Zwölf ", "Stühle"]
    assert answer.text == "Zwölf Stühle"
    assert list(answer.tool_calls) == [
        RequestedCall("search_events", '{"query":"a"}'),
        RequestedCall("get_order", '{"order_id":"O"}'),
    ]
    assert answer.completion_tokens == 6
    assert upstream.seen[0][1]["stream"] is True


async def test_a_server_that_cannot_stream_is_understood(upstream, model):
    upstream.body = message(content="all at once")
    heard: list[str] = []
    assert (await model.complete(request(), heard.append)).text == "all at once"
    assert heard == ["all at once"]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, "no json", UpstreamFailed),
        (200, "[]", UpstreamFailed),
        (200, '{"choices": []}', UpstreamFailed),
        (200, '{"choices": [{"message": null}]}', UpstreamFailed),
        (400, "{}", UpstreamFailed),
        (401, "{}", UpstreamFailed),
        (500, "{}", UpstreamFailed),
        (429, "{}", Unavailable),
        (503, "{}", Unavailable),
        (504, "{}", UpstreamTimeout),
    ],
)
async def test_what_is_no_completion_is_an_error(upstream, model, status, body, error):
    upstream.status, upstream.body = status, body
    with pytest.raises(error):
        await model.complete(request())


@pytest.mark.parametrize("piece", [b"data: {\n\n", b'data: {"error": {"message": "x"}}\n\n', b"data: 5\n\n", b""])
async def test_a_broken_stream_is_an_error(upstream, model, piece):
    upstream.pieces = [piece]
    with pytest.raises(UpstreamFailed):
        await model.complete(request(), lambda _: None)


async def test_a_stream_cut_off_is_an_error(upstream, model):
    upstream.pieces, upstream.breaks = [b'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\n'], True
    with pytest.raises(UpstreamFailed):
        await model.complete(request(), lambda _: None)


async def test_nobody_there_is_unavailable():
    adapter = OpenAIChatModel("http://127.0.0.1:9/v1", "m1")
    with pytest.raises(Unavailable):
        await adapter.complete(request())
    await adapter.close()


async def test_calls_that_are_no_text_reach_validation_as_text(upstream, model):
    upstream.body = message(
        content=None,
        tool_calls=[{"function": {"name": 5, "arguments": {"query": "a"}}}, {"function": None}, {"function": {}}],
    )
    answer = await model.complete(request())
    assert answer.tool_calls == [RequestedCall("", '{"query":"a"}'), RequestedCall("", ""), RequestedCall("", "{}")]


async def test_the_box_office_is_told_for_whom_and_with_which_yes(upstream):
    upstream.body = '{"order_id": "ORD_1"}'
    box = HttpBoxOffice(ServiceClient("tools", upstream.url, LocalTokenSource("agent", SECRET)))
    confirmation = Confirmation(
        id="CONF_1",
        quote_id="Q",
        action="create_order",
        fingerprint="f",
        total_minor=1,
        currency="USD",
        customer_id="cust-1",
        confirmed_at=datetime(2026, 11, 20, tzinfo=UTC),
        evidence="message",
    )
    answer = await box.run(
        "create_order",
        {"hold_id": "H"},
        Caller("web", "cust-1", "c1"),
        idempotency_key="CONF_1",
        confirmation=confirmation,
    )
    assert answer == {"order_id": "ORD_1"}
    incoming, sent = upstream.seen[0]
    assert (incoming.method, incoming.path, sent) == ("POST", "/tools/create_order", {"hold_id": "H"})
    assert incoming.headers["Usher-Client"] == "web"
    assert incoming.headers["Usher-Customer"] == "cust-1"
    assert incoming.headers["Usher-Conversation"] == "c1"
    assert incoming.headers["Idempotency-Key"] == "CONF_1"
    assert Confirmation.from_header(incoming.headers[CONFIRMATION_HEADER]) == confirmation

    upstream.status, upstream.body = 409, '{"code": "hold_expired", "detail": "gone", "status": 409}'
    with pytest.raises(Conflict) as raised:
        await box.run("create_order", {}, Caller("web", "cust-1", "c1"))
    assert raised.value.code == "hold_expired"

    upstream.status, upstream.body = 200, "[]"
    with pytest.raises(UpstreamFailed):
        await box.run("list_orders", {}, Caller("web", "cust-1", "c1"))
    await box.close()


@pytest.mark.parametrize(("status", "well"), [(200, True), (404, True), (503, False)])
async def test_a_ping_wants_an_answer_of_any_kind(upstream, status, well):
    upstream.status = status
    box = HttpBoxOffice(ServiceClient("tools", upstream.url, LocalTokenSource("agent", SECRET)))
    foreign = OpenAIChatModel(upstream.url + "/v1", "m")
    for adapter in (box, foreign):
        if well:
            await adapter.ping()
        else:
            with pytest.raises(Exception, match="503"):
                await adapter.ping()
    await box.close()
    await foreign.close()
