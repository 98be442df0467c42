"""The API on a real port: clients that hang up, deadlines, refusals with their headers, keys of outside clients."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionChunk
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from tests.unit.inference.scripted_engine import ANSWER, ScriptedEngine, ScriptedModels

from served import Served, free_port
from usher_inference.app import Deps, create_app
from usher_inference.client_keys import digest, new_key
from usher_inference.completions.model import Delta, Finished, TextDelta, Usage
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.errors import RateLimited, Unavailable, UpstreamTimeout
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "s" * 40
ASK = {"model": "scripted", "messages": [{"role": "user", "content": "hi"}]}
Serve = Callable[..., Any]


class Watching:
    """Sets `begun` when a request whose body was read is asked for more."""

    def __init__(self, app: ASGIApp, begun: asyncio.Event) -> None:
        self._app = app
        self._begun = begun

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        whole = False

        async def told() -> Message:
            nonlocal whole
            if whole:
                self._begun.set()
            message = await receive()
            whole = message["type"] == "http.request" and not message.get("more_body")
            return message

        await self._app(scope, told, send)


@asynccontextmanager
async def client_of(
    engine: ScriptedEngine, key: str | None = None, *, watched: asyncio.Event | None = None, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app on a port; the engine is not asked to prove itself first.

    `watched` is set when the app waits for more than a request's body: for its client to hang up.
    """
    deps = Deps(ScriptedModels(engine, variant="canary"), LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator())
    app = create_app(Settings(**settings), deps)
    if watched is not None:
        app.add_middleware(Watching, begun=watched)
    served = Served(lambda: app, free_port(), lifespan=False)
    await served.start()
    token = key or await LocalTokenSource("agent", SECRET).token("inference")
    headers = {"Authorization": f"Bearer {token}"}
    try:
        async with httpx.AsyncClient(base_url=served.url + "/v1", headers=headers, timeout=30) as client:
            yield client
    finally:
        await served.stop()


def stuck(pieces: int) -> ScriptedEngine:
    """Gives so many pieces of its answer and then nothing, until told to."""
    return ScriptedEngine(ANSWER, pieces_before_go=pieces)


@pytest.mark.parametrize(("stream", "pieces"), [(False, 0), (False, 1), (True, 0), (True, 1)])
async def test_the_work_ends_when_the_client_hangs_up(stream: bool, pieces: int) -> None:
    engine = stuck(pieces)
    async with client_of(engine) as client:
        asking = asyncio.create_task(client.post("/chat/completions", json={**ASK, "stream": stream}))
        await engine.waits.wait()
        assert not engine.closed
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(engine.ended.wait(), 20)
        engine.go.set()
        assert (await client.post("/chat/completions", json=ASK)).status_code == 200  # and the server goes on


async def test_a_slow_answer_to_a_client_that_waits_is_whole() -> None:
    engine, watched = stuck(1), asyncio.Event()
    async with client_of(engine, watched=watched) as client:
        asking = asyncio.create_task(client.post("/chat/completions", json={**ASK, "stream": True}))
        await engine.waits.wait()
        await asyncio.wait_for(watched.wait(), 20)  # that alone must not end it
        engine.go.set()
        answer = await asking
    assert answer.text.endswith("data: [DONE]\n\n")
    assert "evening" in answer.text


async def test_the_header_sets_the_deadline_within_the_settings() -> None:
    engine = ScriptedEngine()
    async with client_of(engine, default_deadline_seconds=50, max_deadline_seconds=60) as client:
        for wanted in (None, "7.5", "1000"):
            headers = {"Usher-Deadline": wanted} if wanted else {}
            assert (await client.post("/chat/completions", json=ASK, headers=headers)).status_code == 200
        assert [prompt.deadline_seconds for prompt in engine.prompts] == [50, 7.5, 60]
        for bad in ("0", "-1", "soon", "nan", "inf"):
            answer = await client.post("/chat/completions", json=ASK, headers={"Usher-Deadline": bad})
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, "header.usher-deadline"), bad


@pytest.mark.parametrize("pieces", [0, 1])
@pytest.mark.parametrize("stream", [False, True])
async def test_an_engine_that_keeps_no_deadline_is_ended(stream: bool, pieces: int) -> None:
    engine = stuck(pieces)
    async with client_of(engine) as client:
        answer = await client.post(
            "/chat/completions", json={**ASK, "stream": stream}, headers={"Usher-Deadline": "0.05"}
        )
    assert engine.closed == 1
    if stream and pieces:
        assert answer.status_code == 200
        assert '"deadline_exceeded"' in answer.text.splitlines()[-2]
        assert "[DONE]" not in answer.text
    else:
        assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
        assert answer.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    ("problem", "status", "after", "kind"),
    [
        (RateLimited("the queue is full", retry_after_seconds=2.5), 429, "3", "rate_limit_error"),
        (RateLimited("the queue is full"), 429, "1", "rate_limit_error"),
        (Unavailable("no memory"), 503, "1", "server_error"),
        (Unavailable("no memory", retry_after_seconds=20), 503, "20", "server_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_refusal_says_when_to_come_again(
    problem: Exception, status: int, after: str, kind: str, stream: bool
) -> None:
    async with client_of(ScriptedEngine((problem,))) as client:
        answer = await client.post("/chat/completions", json={**ASK, "stream": stream})
    assert (answer.status_code, answer.headers["retry-after"]) == (status, after)
    assert answer.json()["error"]["type"] == kind


async def test_openais_client_comes_again_to_a_full_queue_but_not_after_a_deadline() -> None:
    for problem, kind, asked in (
        (RateLimited("the queue is full", retry_after_seconds=0.1), openai.RateLimitError, 2),
        (UpstreamTimeout("too long"), openai.InternalServerError, 1),
    ):
        engine = ScriptedEngine((problem,))
        async with client_of(engine) as http:
            key = http.headers["Authorization"].removeprefix("Bearer ")
            async with openai.AsyncOpenAI(base_url=str(http.base_url), api_key=key, max_retries=1) as client:
                with pytest.raises(kind):
                    await client.chat.completions.create(model="scripted", messages=[{"role": "user", "content": "x"}])
        assert len(engine.prompts) == asked


@pytest.mark.parametrize("script", [(TextDelta("Good "), Unavailable("gone")), (TextDelta("Good "),)])
async def test_what_breaks_after_the_first_piece_travels_in_the_stream(script: Sequence[Delta | Exception]) -> None:
    async with client_of(ScriptedEngine(script)) as http:
        key = http.headers["Authorization"].removeprefix("Bearer ")
        async with openai.AsyncOpenAI(base_url=str(http.base_url), api_key=key, max_retries=0) as client:
            stream = await client.chat.completions.create(
                model="scripted", messages=[{"role": "user", "content": "x"}], stream=True
            )
            heard: list[str | None] = []
            with pytest.raises(openai.APIError):
                await _listen(stream, heard)
    assert "".join(filter(None, heard)) == "Good "


async def _listen(stream: openai.AsyncStream[ChatCompletionChunk], heard: list[str | None]) -> None:
    async for chunk in stream:
        heard.append(chunk.choices[0].delta.content)


async def test_every_answer_names_the_release_that_gave_it() -> None:
    script = (TextDelta("ok"), Finished("stop", Usage(1, 1)))
    async with client_of(ScriptedEngine(script, version="2026-11-20T10-00-00_abc")) as client:
        for stream in (False, True):
            answer = await client.post("/chat/completions", json={**ASK, "stream": stream})
            assert answer.headers["usher-model-version"] == "2026-11-20T10-00-00_abc"
            assert answer.headers["usher-model-variant"] == "canary"


async def test_keys_of_outside_clients_open_v1_alone() -> None:
    key, other = new_key(), new_key()
    async with client_of(ScriptedEngine(), key, client_keys=[digest(key)]) as client:
        assert (await client.post("/chat/completions", json=ASK)).status_code == 200
        assert (await client.get("/models")).status_code == 200
        root = str(client.base_url).removesuffix("v1/")
        for path in ("metrics", "openapi.json"):
            assert (await client.get(root + path)).status_code == 403
        wrong = await client.get("/models", headers={"Authorization": f"Bearer {other}"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_without_keys_no_key_opens_anything() -> None:
    async with client_of(ScriptedEngine(), new_key()) as client:
        assert (await client.get("/models")).status_code == 401


def test_the_program_makes_a_key_with_its_hash() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "usher_inference.client_keys"], capture_output=True, text=True, check=True
    ).stdout.split()
    assert made[3] == digest(made[1])
    assert Settings(client_keys=[made[3]]).client_keys == [made[3]]
    with pytest.raises(ValueError, match="client_keys"):
        Settings(client_keys=[made[1]])  # the key itself is no hash


HELLO = '"model": "scripted", "messages": [{"role": "user", "content": "hi"}]'
DEEP = '{"a": ' * 2000 + "1" + "}" * 2000
HOSTILE = {
    "half a character": ('{"model": "scripted", "messages": [{"role": "user", "content": "\\ud800"}]}', None),
    "no number": (f'{{{HELLO}, "temperature": NaN}}', None),
    "an infinite number": (f'{{{HELLO}, "temperature": 1e999}}', None),
    "nested for ever": (f'{{{HELLO}, "response_format": {DEEP}}}', None),
    "cut off": (f"{{{HELLO}", None),
    "no object": ("[]", None),
    "too many stops": (f'{{{HELLO}, "stop": {json.dumps(["x"] * 17)}}}', "stop"),
    "too long a stop": (f'{{{HELLO}, "stop": "{"x" * 257}"}}', "stop.0"),
    "too many tokens": (f'{{{HELLO}, "max_tokens": {1 << 31}}}', "max_tokens"),
    "a penalty that divides to infinity": (f'{{{HELLO}, "repetition_penalty": 1e-300}}', "repetition_penalty"),
    "a penalty beyond sense": (f'{{{HELLO}, "repetition_penalty": 1000}}', "repetition_penalty"),
    "too cold": (f'{{{HELLO}, "temperature": -0.1}}', "temperature"),
    "too large a seed": (f'{{{HELLO}, "seed": {1 << 63}}}', "seed"),
}


@pytest.mark.parametrize("body", HOSTILE)
async def test_hostile_bodies_are_refused_before_any_engine_sees_them(body: str) -> None:
    text, param = HOSTILE[body]
    engine = ScriptedEngine()
    async with client_of(engine) as client:
        answer = await client.post("/chat/completions", content=text, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert not engine.prompts


@pytest.mark.parametrize("hangs_up", [True, False])
async def test_a_client_that_does_not_read_holds_the_engine_no_longer_than_its_deadline(hangs_up: bool) -> None:
    much = (TextDelta("x" * (1 << 16)),) * 1000  # more than sockets hold
    engine = ScriptedEngine((*much, Finished("stop", Usage(1, 1000))))
    async with client_of(engine) as client:
        body = json.dumps({**ASK, "stream": True})
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        head += f"Content-Type: application/json\r\nAuthorization: {client.headers['Authorization']}\r\n"
        head += f"Usher-Deadline: {30 if hangs_up else 0.3}\r\n\r\n"
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        writer.write((head + body).encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        if hangs_up:
            writer.transport.abort()
        await asyncio.wait_for(engine.ended.wait(), 20)
        writer.transport.abort()
    assert engine.closed == 1
