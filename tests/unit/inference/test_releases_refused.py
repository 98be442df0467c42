"""Releases that were turned down: the service goes on without them, remembers them, and does not choose them again."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.unit.inference.released import MODEL, SECRET, Client, House, ScriptedLoader, serving

from usher_inference.releases.model import Failure
from usher_inference.releases.refusals import Refusals
from usher_inference.releases.service import ReleasedModels
from usher_shared.clock import SystemClock
from usher_shared.http.tokens import LocalTokenSource


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@asynccontextmanager
async def started(house: House, **options: Any) -> AsyncIterator[tuple[Client, ReleasedModels]]:
    models = house.models(ScriptedLoader(), **options)
    async with serving(models) as client:
        await models.look()
        yield client, models


def rot(house: House, version: str) -> None:
    for file in (house.root / "store" / "releases" / version / "script.json@").iterdir():
        file.write_bytes(b"rotten")


async def states(client: Client) -> dict[str, str]:
    return {each["version"]: each["state"] for each in (await client.call("GET", "/releases"))[1]["releases"]}


async def ask(client: Client, model: str) -> tuple[int, Any, dict[str, str]]:
    token = await LocalTokenSource("agent", SECRET).token("inference")
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{client.url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {token}"}
        ) as answer,
    ):
        return answer.status, await answer.json(), {name.lower(): value for name, value in answer.headers.items()}


async def test_a_model_whose_every_release_is_broken_leaves_the_others_served(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("v2")
        await client.call("POST", "/reload")
        await house.publish("big-1", model="big")
        await client.call("POST", "/reload", {"version": "big-1"})
    rot(house, "v1")
    rot(house, "v2")
    async with started(house, cache="another") as (client, models):
        status, ready = await client.call("GET", "/ready")
        assert (status, ready["checks"]["releases"]) == (200, "ok")
        told = ready["checks"]["newest release"]
        assert told.startswith("degraded: ")
        assert f"release v2 of {MODEL} was refused, and nothing else serves it" in told
        assert str(house.root) not in told
        assert (await client.ask(model="big"))[1] == "big-1"
        assert (await client.ask(model="usher-playbook"))[1] == "1.0"
        await models.look()  # it stays so
        status, problem, headers = await ask(client, MODEL)
        assert (status, problem["error"]["code"], problem["error"]["param"]) == (503, "model_broken", "model")
        assert problem["error"]["message"] == (
            f"no release of {MODEL} could be put in service; an operator has to deploy another"
        )
        assert "retry-after" not in headers
        assert headers["x-should-retry"] == "false"
        await house.publish("v3")
        assert (await client.call("POST", "/reload", {"version": "v3"}))[0] == 200
        assert (await ask(client, MODEL))[0] == 200
        assert (await client.call("GET", "/ready"))[1]["checks"]["newest release"] == "ok"


async def test_a_first_release_that_is_broken_does_not_hold_up_a_start(house: House) -> None:
    await house.publish("v1", {"breaks": "no such layer"})
    async with started(house) as (client, _):
        assert (await client.call("GET", "/ready"))[0] == 200
        assert (await ask(client, MODEL))[1]["error"]["code"] == "model_broken"
        assert await states(client) == {"v1": "refused"}


async def test_every_refusal_is_remembered_until_it_serves(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("v2", {"breaks": "no such layer"})
        await house.publish("v3", {"raises": "nan"})
        for version in ("v2", "v3"):
            assert (await client.call("POST", "/reload", {"version": version}))[0] == 422
        assert await states(client) == {"v1": "stable", "v2": "refused", "v3": "refused"}
        await house.publish("v4")
        assert (await client.call("POST", "/reload"))[1]["version"] == "v4"
        listed = (await client.call("GET", "/releases"))[1]
        assert [(each["model"], each["version"]) for each in listed["refused"]] == [(MODEL, "v3"), (MODEL, "v2")]
        assert "no such layer" in listed["refused"][1]["reason"]
        rot(house, "v1")
        shutil.rmtree(house.root / "cache" / "releases" / "v1")
        assert (await client.call("POST", "/rollback"))[0] == 422
        assert (await states(client))["v1"] == "previous, refused"


async def test_what_was_refused_is_not_chosen_again_unless_named(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("v2")
        await house.publish("v3", {"breaks": "no such layer"})
        assert (await client.call("POST", "/reload"))[0] == 422
        assert (await client.call("POST", "/reload"))[1]["version"] == "v2"
        status, problem = await client.call("POST", "/reload", {"version": "v3"})
        assert (status, problem["stage"]) == (422, "load")
    only = House(house.root / "only")
    await only.publish("bad", {"breaks": "no such layer"})
    async with started(only) as (client, _):
        status, problem = await client.call("POST", "/reload")
        assert (status, problem["code"]) == (404, "release_not_found")
        assert problem["detail"] == "each release was rolled back or refused: name one"


async def test_a_release_that_was_published_anew_is_not_refused(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("v2", {"breaks": "no such layer"})
        await client.call("POST", "/reload")
        shutil.rmtree(house.root / "store" / "releases" / "v2")
        shutil.rmtree(house.root / "made" / "v2")
        await house.publish("v2")
        assert (await states(client))["v2"] == "available"
        assert (await client.call("POST", "/reload"))[1]["version"] == "v2"


def test_refusals_are_bounded() -> None:
    refusals, now = Refusals(), SystemClock().now()
    for number in range(200):
        refusals.add(Failure(MODEL, f"v{number}", "nan", now, "a" * 64))
    assert list(refusals.of([])) == [f"v{number}" for number in range(199, 149, -1)]


async def test_a_reload_that_could_mean_several_models_asks_which(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("big-1", model="big")
        status, problem = await client.call("POST", "/reload")
        assert (status, problem["param"]) == (400, "model")
        assert problem["detail"] == f"name the model; there are big, {MODEL}"
        assert (await client.call("POST", "/reload", {"model": "big"}))[1]["version"] == "big-1"
        assert (await client.call("POST", "/reload", {"version": "v1"}))[0] == 200
