"""Models elsewhere, from an operator's settings to an answer through our own API."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import ValidationError

from contracts.models.openai_stand_in import KEY, MODEL, OpenAIStandIn
from contracts.models.stand_in import Say
from served import free_port
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.adapters.remote_gemini_engine import GeminiEngine
from usher_inference.adapters.remote_openai_engine import OpenAIEngine
from usher_inference.adapters.remote_vertex_engine import VertexEngine
from usher_inference.app import Deps, create_app
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.remote_loading import remote_engines
from usher_inference.remote_settings import RemoteModel
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "a secret for tests that is long enough"
OPENAI = {"kind": "openai", "model": "big", "name": MODEL, "url": "http://localhost:1/v1", "key_env": "BIG_KEY"}
VERTEX = {"kind": "vertex", "model": "tuned", "name": "t", "url": "https://x.prediction.vertexai.goog/v1/e"}
SURFACE = {"kind": "vertex-openai", "model": "maas", "name": "google/gemini", "url": "https://x/v1"}
GEMINI = {"kind": "gemini", "model": "gemini", "name": "gemini-3-flash-preview", "key_env": "GEMINI_KEY"}


def wanted(*models: dict[str, Any]) -> list[RemoteModel]:
    return [RemoteModel.model_validate(model) for model in models]


def test_each_kind_becomes_its_engine() -> None:
    engines = remote_engines(wanted(OPENAI, VERTEX, SURFACE, GEMINI), {"BIG_KEY": "k", "GEMINI_KEY": "g"})
    assert [type(engine) for engine in engines] == [OpenAIEngine, VertexEngine, OpenAIEngine, GeminiEngine]
    assert [engine.model for engine in engines] == ["big", "tuned", "maas", "gemini"]
    assert [engine.version for engine in engines] == [MODEL, "t", "google/gemini", "gemini-3-flash-preview"]


def test_they_are_named_by_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USHER_INFERENCE_REMOTE_MODELS", json.dumps([OPENAI, VERTEX]))
    assert [each.model for each in Settings().remote_models] == ["big", "tuned"]


@pytest.mark.parametrize("environment", [{}, {"BIG_KEY": "  "}])
def test_a_key_that_is_not_there_is_told_by_its_name(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="BIG_KEY holds no key"):
        remote_engines(wanted(OPENAI), environment)


def test_two_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="same id"):
        remote_engines(wanted(VERTEX, {**SURFACE, "model": "tuned"}), {})


@pytest.mark.parametrize(
    "model",
    [
        {**OPENAI, "url": None},
        {**VERTEX, "key_env": "A_KEY"},
        {**GEMINI, "key_env": None},
        {**GEMINI, "project": "p", "location": "l"},
        {**OPENAI, "kind": "azure"},
        {**OPENAI, "key": "sk-secret"},
    ],
)
def test_what_contradicts_itself_is_refused(model: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RemoteModel.model_validate(model)


def test_googles_libraries_are_loaded_when_they_are_needed() -> None:
    models = [OPENAI | {"key_env": None}, VERTEX]
    program = (
        "import sys\n"
        "from usher_inference.remote_loading import remote_engines\n"
        "from usher_inference.remote_settings import RemoteModel\n"
        f"remote_engines([RemoteModel.model_validate(model) for model in {models!r}], {{}})\n"
        "assert not {'google.genai', 'google.auth', 'requests'} & set(sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@pytest.fixture
async def server() -> AsyncIterator[OpenAIStandIn]:
    stand_in = OpenAIStandIn()
    await stand_in.open()
    yield stand_in
    await stand_in.close()


def serving(url: str) -> FastAPI:
    elsewhere = remote_engines(wanted(OPENAI | {"url": f"{url}/v1"}), {"BIG_KEY": KEY})
    models = FixedModels((PlaybookEngine("1"), *elsewhere), SystemClock().now())
    deps = Deps(models, LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator(), elsewhere=elsewhere)
    return create_app(Settings(), deps)


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {await LocalTokenSource('agent', SECRET).token('inference')}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inference", headers=headers) as client,
    ):
        yield client


async def test_our_api_serves_it_under_its_own_name(server: OpenAIStandIn) -> None:
    server.script.append(Say(("Hamlet ", "is on.")))
    server.script.append(Say(fault="refuse"))
    server.script.append(Say(fault="overload"))
    ask = {"model": "big", "messages": [{"role": "user", "content": "What is on?"}]}
    async with client_of(serving(server.url)) as client:
        well, refused, busy = [await client.post("/v1/chat/completions", json=ask) for _ in range(3)]
    assert server.problems == []
    assert well.json()["choices"][0]["message"]["content"] == "Hamlet is on."
    assert well.json()["model"] == "big"
    assert well.headers["usher-model-version"] == MODEL
    assert refused.status_code == 400
    assert "secret" not in refused.text
    assert busy.status_code == 503
    assert busy.headers["retry-after"] == "17"


async def test_a_server_that_is_away_keeps_nobody_else_from_serving() -> None:
    ask = {"model": "usher-playbook", "messages": [{"role": "user", "content": "hello"}]}
    async with client_of(serving(f"http://127.0.0.1:{free_port()}")) as client:
        ready = await client.get("/ready")
        well = await client.post("/v1/chat/completions", json=ask)
        away = await client.post("/v1/chat/completions", json={**ask, "model": "big"})
    assert ready.status_code == 200
    assert ready.json()["checks"]["engine"] == "ok"
    assert ready.json()["checks"]["elsewhere"].startswith(f"degraded: Unavailable: big {MODEL}: Unavailable: ")
    assert well.status_code == 200
    assert away.status_code == 503


async def test_a_server_that_answers_is_ready_and_asked_for_one_token(server: OpenAIStandIn) -> None:
    async with client_of(serving(server.url)) as client:
        checks = [(await client.get("/ready")).json()["checks"] for _ in range(2)]
    assert checks == [{"engine": "ok", "elsewhere": "ok"}] * 2
    assert [request["max_tokens"] for request in server.requests] == [1]
