"""What an operator reads of the running service: /metrics, /ready, and who may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from tests.unit.inference.scripted_engine import ScriptedEngine, ScriptedModels

from usher_inference.app import Deps, create_app
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.errors import Unavailable
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "a secret for tests that is long enough"
ASK = {"model": "scripted", "messages": [{"role": "user", "content": "a secret wish"}]}


def app_of(models: ScriptedModels) -> FastAPI:
    return create_app(Settings(), Deps(models, LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator()))


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inference") as client,
    ):
        yield client


async def as_caller(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {await LocalTokenSource(name, SECRET).token('inference')}"}


@pytest.mark.parametrize("caller", ["cli", "metrics", "inference"])
async def test_a_collector_reads_what_was_answered_and_nothing_that_was_said(caller: str) -> None:
    async with client_of(app_of(ScriptedModels(ScriptedEngine()))) as client:
        await client.post("/v1/chat/completions", json=ASK, headers=await as_caller("agent"))
        answer = await client.get("/metrics", headers=await as_caller(caller))
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    counted = 'requests_total{model="scripted",outcome="stop",variant="stable",version="1"} 1.0'
    assert f"usher_inference_{counted}" in answer.text
    assert "secret" not in answer.text
    assert "evening" not in answer.text


async def test_nobody_else_reads_them() -> None:
    async with client_of(app_of(ScriptedModels(ScriptedEngine()))) as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/metrics", headers=await as_caller("gateway"))).status_code == 403


async def test_ready_has_generated_and_traffic_keeps_it_so() -> None:
    engine = ScriptedEngine()
    async with client_of(app_of(ScriptedModels(engine))) as client:
        for _ in range(3):
            assert (await client.get("/ready")).status_code == 200
        await client.post("/v1/chat/completions", json=ASK, headers=await as_caller("agent"))
    assert len(engine.prompts) == 2  # one probe, at the start, and the request


async def test_not_ready_says_which_model() -> None:
    models = ScriptedModels()
    async with client_of(app_of(models)) as client:
        before = await client.get("/ready")
        models.engines = [ScriptedEngine((Unavailable("out of memory"),))]
        after = await client.get("/ready")
    assert before.status_code == after.status_code == 503
    assert before.json()["checks"] == {"engine": "Unavailable: no model is served yet"}
    assert after.json()["checks"] == {"engine": "Unavailable: scripted 1: Unavailable: out of memory"}


async def test_a_model_that_does_not_generate_stops_the_start() -> None:
    app = app_of(ScriptedModels(ScriptedEngine((Unavailable("out of memory"),))))
    with pytest.raises(Unavailable, match="out of memory"):
        async with client_of(app):
            pass
