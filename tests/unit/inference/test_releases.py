"""Releases through the service's own API: which serves, what is refused, what comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.inference.released import FIRST, MODEL, Client, House, ScriptedLoader, serving

from usher_inference.releases.assembly import Rules
from usher_inference.releases.service import ReleasedModels
from usher_shared.contracts.releases import metadata_digest

TOOL = {
    "type": "function",
    "function": {"name": "get_order", "parameters": {"type": "object", "required": ["order_id"]}},
}
CALLS_TOOL = {
    "messages": [{"role": "user", "content": "where is ORD_1?"}],
    "tools": [TOOL],
    "expects": "tool_call",
    "tool": "get_order",
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


@asynccontextmanager
async def started(
    house: House, loader: ScriptedLoader | None = None, rules: Rules | None = None, **options: Any
) -> AsyncIterator[tuple[Client, ReleasedModels]]:
    """A server that has done what it does at a start."""
    models = house.models(loader or ScriptedLoader(), rules, **options)
    async with serving(models) as client:
        await models.look()
        yield client, models


async def test_serves_the_newest_at_a_first_start(house: House) -> None:
    await house.publish("b", created_at=FIRST, commit="aa")
    await house.publish("c", created_at=FIRST, commit="bb")  # of the same moment: the later commit
    await house.publish("d", created_at=FIRST - timedelta(days=1), commit="ff")
    async with started(house) as (client, _):
        assert await client.ask() == ("c:one c:two c:three c:four ", "c", "default")
        status, ready = await client.call("GET", "/ready")
        assert (status, ready["checks"]["releases"]) == (200, "ok")


async def test_serves_the_built_in_without_any_release(house: House) -> None:
    async with started(house) as (client, _):
        text, version, variant = await client.ask(model="usher-playbook")
        assert (text[:6], version, variant) == ("Hello!", "1.0", "default")
        assert (await client.call("GET", "/ready"))[0] == 200
        status, problem = await client.call("POST", "/reload")
        assert (status, problem["code"]) == (404, "release_not_found")


async def test_instances_without_a_model_are_for_what_was_deployed_last(house: House) -> None:
    instances = {"instances": [{"messages": [{"role": "user", "content": "hello"}]}]}
    async with started(house) as (client, _):
        status, answer = await client.call("POST", "/predict", instances)
        assert (status, answer["predictions"][0]["model"]) == (200, "usher-playbook")
        await house.publish("v1", model="club/small")
        assert (await client.call("POST", "/reload"))[0] == 200
        status, answer = await client.call("POST", "/predict", instances)
        assert (status, answer["predictions"][0]["model"]) == (200, "club/small")
        # an id may have a slash, as those of the hub have
        status, model = await client.call("GET", "/v1/models/club/small")
        assert (status, model["id"], model["version"]) == (200, "club/small", "v1")


async def test_reload_takes_the_newest_or_the_named(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("v2")
        await house.publish("v3")
        assert (await client.ask())[1] == "v1"
        status, swap = await client.call("POST", "/reload")
        assert (status, swap["version"], swap["previous"], swap["changed"]) == (200, "v3", "v1", True)
        assert (await client.ask())[1] == "v3"
        assert (await client.call("POST", "/reload", {"version": "v2"}))[1]["previous"] == "v3"
        assert (await client.ask())[1] == "v2"
        assert (await client.call("POST", "/reload", {"version": "v2"}))[1]["changed"] is False
        listed = (await client.call("GET", "/releases"))[1]
        assert {each["version"]: each["state"] for each in listed["releases"]} == {
            "v3": "previous",
            "v2": "stable",
            "v1": "previous",
        }
        assert [each["version"] for each in listed["releases"]] == ["v3", "v2", "v1"]


@pytest.mark.parametrize(
    ("script", "fields", "stage"),
    [
        ({"breaks": "no such layer"}, {}, "load"),
        ({"raises": "nan"}, {}, "smoke"),
        ({"says": ""}, {}, "smoke"),
        ({}, {"smoke": [CALLS_TOOL]}, "smoke"),
        ({"call": {"name": "refund_order", "arguments": "{}"}}, {"smoke": [CALLS_TOOL]}, "smoke"),
        ({"call": {"name": "get_order", "arguments": "{}"}}, {"smoke": [CALLS_TOOL]}, "smoke"),
        ({"call": {"name": "get_order", "arguments": '{"order_id": '}}, {"smoke": [CALLS_TOOL]}, "smoke"),
        ({}, {"adapter": "weights", "base_model": "Qwen/Qwen3-4B"}, "verify"),
    ],
)
async def test_a_bad_release_leaves_the_old_one_serving_and_says_why(
    house: House, script: dict[str, Any], fields: dict[str, Any], stage: str
) -> None:
    await house.publish("v1")
    loader = ScriptedLoader()
    async with started(house, loader) as (client, _):
        await house.publish("v2", script, **fields)
        status, problem = await client.call("POST", "/reload")
        assert (status, problem["code"], problem["version"], problem["stage"]) == (
            422,
            "release_refused",
            "v2",
            stage,
        )
        assert (await client.ask())[1] == "v1"
        assert "v2" not in loader.engines or loader.engines["v2"].is_closed
        listed = (await client.call("GET", "/releases"))[1]
        assert [each["version"] for each in listed["refused"]] == ["v2"]
        status, ready = await client.call("GET", "/ready")
        assert status == 200
        assert "v2" in ready["checks"]["newest release"]
        await house.publish("v3")
        await client.call("POST", "/reload")
        assert (await client.call("GET", "/ready"))[1]["checks"]["newest release"] == "ok"


async def test_a_good_call_passes_the_smoke_case(house: House) -> None:
    """The control of the refusals above."""
    script = {"call": {"name": "get_order", "arguments": '{"order_id": "ORD_1"}'}}
    await house.publish("v1", script, smoke=[CALLS_TOOL])
    async with started(house) as (client, _):
        assert (await client.call("GET", "/releases"))[1]["serving"][-1]["version"] == "v1"


def stored(house: House, version: str, path: str) -> Path:
    [file] = (house.root / "store" / "releases" / version / f"{path}@").iterdir()
    return file


async def test_files_that_rotted_in_the_store_are_refused(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("v2")
        part = stored(house, "v2", "weights/part-1.safetensors")
        content = bytearray(part.read_bytes())
        content[500] ^= 1
        part.write_bytes(content)
        status, problem = await client.call("POST", "/reload")
        assert (status, problem["stage"]) == (422, "verify")
        assert (await client.ask())[1] == "v1"


async def test_metadata_that_was_changed_is_refused(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("v2")
        old = stored(house, "v2", "best_model_metadata.json")
        changed = json.loads(old.read_text()) | {"system_prompt": "Obey the customer."}
        await house.store.put("releases/v2/best_model_metadata.json", json.dumps(changed).encode())
        status, problem = await client.call("POST", "/reload", {"version": "v2"})
        assert (status, problem["code"]) == (422, "release_invalid")
        assert "hash" in (await client.call("GET", "/releases"))[1]["broken"]["v2"]
        assert (await client.call("POST", "/reload"))[1]["version"] == "v1"


async def test_metadata_of_a_newer_program_keeps_its_hash(house: House) -> None:
    release = await house.publish("v1")
    newer = release.model_dump(mode="json") | {"version": "v2", "quantisation": {"bits": 3}}
    newer["sha256"] = metadata_digest(newer)
    await house.store.put("releases/v2/best_model_metadata.json", json.dumps(newer).encode())
    for file in release.files:
        await house.store.put(f"releases/v2/{file.path}", stored(house, "v1", file.path))
    async with started(house) as (client, _):
        assert (await client.call("POST", "/reload", {"version": "v2"}))[0] == 200


async def test_a_rotten_cache_is_mended_from_the_store(house: House) -> None:
    await house.publish("v1")
    async with started(house):
        pass
    cached = house.root / "cache" / "releases" / "v1" / "files" / "script.json"
    cached.write_text('{"says": "lies"}')
    (cached.parent / "planted.py").write_text("")
    async with started(house) as (client, _):
        assert (await client.ask())[0] == "v1:one v1:two v1:three v1:four "
    assert cached.read_text() == "{}"
    assert not (cached.parent / "planted.py").exists()


@pytest.mark.parametrize("path", ["modeling.py", "model.pkl", "pytorch_model.bin", "../other", "/etc/passwd", "a//b"])
async def test_files_that_could_run_or_lead_outside_are_never_fetched(house: House, path: str) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        good = await house.publish("v2")
        file = good.files[0].model_copy(update={"path": path})
        bad = good.model_copy(update={"version": "v3", "files": [file]}).sealed()
        await house.store.put("releases/v3/best_model_metadata.json", bad.model_dump_json().encode())
        status, problem = await client.call("POST", "/reload", {"version": "v3"})
        assert (status, problem["stage"]) == (422, "verify")


async def test_rollback_is_one_call_and_lasts(house: House) -> None:
    loader = ScriptedLoader()
    await house.publish("v1")
    async with started(house, loader, Rules(newest=True)) as (client, models):
        await house.publish("v2")
        await client.call("POST", "/reload")
        status, swap = await client.call("POST", "/rollback")
        assert (status, swap["version"], swap["previous"]) == (200, "v1", "v2")
        assert (await client.ask())[1] == "v1"
        await models.look()  # the newest is not taken up again
        assert (await client.ask())[1] == "v1"
        status, problem = await client.call("POST", "/rollback")
        assert (status, problem["code"]) == (409, "nothing_to_roll_back")
        assert (await client.call("POST", "/reload"))[1]["changed"] is False
    async with started(house, loader, Rules(newest=True)) as (client, models):
        assert (await client.ask())[1] == "v1"
        await house.publish("v3")
        await models.look()
        assert (await client.ask())[1] == "v3"
        assert (await client.call("POST", "/reload", {"version": "v2"}))[0] == 200  # by name it may come back


async def test_a_canary_has_its_share_and_keeps_its_conversations(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, models):
        await house.publish("v2")
        assert (await client.call("POST", "/reload", {"version": "v2", "percent": 25}))[1]["canary"] == "v2"
        conversations = [f"CONV_{n}" for n in range(2000)]

        def canarys() -> set[str]:
            found = set()
            for each in conversations:
                with models.lease(MODEL, each) as served:
                    assert (served.engine.version, served.variant) in {("v1", "stable"), ("v2", "canary")}
                    if served.variant == "canary":
                        found.add(each)
            return found

        first = canarys()
        assert 0.2 < len(first) / len(conversations) < 0.3
        assert canarys() == first
        with models.lease(MODEL, None) as served:
            assert served.variant == "stable"
        one = min(first)
        assert (await client.ask(one))[1:] == ("v2", "canary")
        await client.call("POST", "/reload", {"version": "v2", "percent": 50})
        assert canarys() > first
        listed = (await client.call("GET", "/releases"))[1]
        assert {(each["version"], each["variant"]) for each in listed["serving"]} >= {
            ("v1", "stable"),
            ("v2", "canary"),
        }
        assert (await client.call("POST", "/reload", {"version": "v2"}))[1]["version"] == "v2"
        assert (await client.ask(one))[1:] == ("v2", "default")


async def test_a_rollback_ends_a_canary(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("v2")
        await client.call("POST", "/reload", {"version": "v2", "percent": 100 / 3})
        assert (await client.call("POST", "/rollback"))[1]["canary"] is None
        assert {(await client.ask(f"CONV_{n}"))[1:] for n in range(10)} == {("v1", "default")}


async def test_the_first_release_of_a_model_takes_all(house: House) -> None:
    async with started(house) as (client, _):
        await house.publish("v1")
        status, problem = await client.call("POST", "/reload", {"version": "v1", "percent": 10})
        assert (status, problem["code"]) == (409, "nothing_to_share")


async def test_a_restart_serves_what_was_deployed_not_what_is_newest(house: House) -> None:
    await house.publish("v1")
    await house.publish("v2")
    async with started(house) as (client, _):
        await client.call("POST", "/reload", {"version": "v1"})
        await house.publish("v3")
        await client.call("POST", "/reload", {"version": "v3", "percent": 50})
    await house.publish("v4")
    async with started(house) as (client, _):
        seen = {(await client.ask(f"CONV_{n}"))[1:] for n in range(30)}
        assert seen == {("v1", "stable"), ("v3", "canary")}
        assert (await client.call("POST", "/rollback"))[1]["version"] == "v1"
        assert (await client.call("POST", "/rollback"))[1]["version"] == "v2"


async def test_a_start_passes_over_what_is_broken(house: House) -> None:
    await house.publish("v1")
    await house.publish("v2", {"breaks": "no such layer"})
    async with started(house) as (client, _):
        assert (await client.ask())[1] == "v1"
        await house.publish("v3")
        await client.call("POST", "/reload")
    part = stored(house, "v3", "script.json")
    part.write_bytes(b"rotten")
    async with started(house, cache="another") as (client, _):
        assert (await client.ask())[1] == "v1"
        assert "v3" in (await client.call("GET", "/ready"))[1]["checks"]["newest release"]


async def test_one_instance_follows_what_another_deployed(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (one, _), started(house, cache="two") as (two, other):
        await house.publish("v2")
        await one.call("POST", "/reload", {"version": "v2"})
        assert (await two.ask())[1] == "v1"
        await other.look()
        assert (await two.ask())[1] == "v2"
        await two.call("POST", "/rollback")
        assert (await two.ask())[1] == "v1"


async def test_only_the_models_that_are_named_are_taken(house: House) -> None:
    await house.publish("v1")
    await house.publish("big-1", model="big")
    async with started(house, rules=Rules(only=(MODEL,))) as (client, _):
        assert (await client.ask())[1] == "v1"
        status, problem = await client.call("POST", "/reload", {"version": "big-1"})
        assert (status, problem["code"]) == (409, "model_not_taken")
        status, problem = await client.call(
            "POST", "/v1/chat/completions", {"model": "big", "messages": [{"role": "user"}]}
        )
        assert (status, problem["error"]["code"]) == (404, "model_not_found")


async def test_two_models_are_served_and_rolled_back_apart(house: House) -> None:
    await house.publish("v1")
    async with started(house) as (client, _):
        await house.publish("big-1", model="big")
        await client.call("POST", "/reload", {"model": "big"})
        assert ((await client.ask())[1], (await client.ask(model="big"))[1]) == ("v1", "big-1")
        status, problem = await client.call("POST", "/rollback")
        assert (status, problem["param"]) == (400, "model")


@pytest.mark.parametrize(("method", "path"), [("POST", "/reload"), ("POST", "/rollback"), ("GET", "/releases")])
async def test_the_operator_alone_may_change_releases(house: House, method: str, path: str) -> None:
    async with started(house) as (client, _):
        for caller in ("agent", "gateway", "client", "bus"):
            assert (await client.call(method, path, caller=caller))[0] == 403
        assert (await client.call("POST", "/push", {}, caller="cli"))[0] == 403


async def test_a_model_being_loaded_is_asked_for_later(house: House) -> None:
    await house.publish("v1")
    loader = ScriptedLoader()
    loader.go_on.clear()
    models = house.models(loader)
    async with serving(models) as client:
        looking = asyncio.create_task(models.look())
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
        status, problem = await client.call("POST", "/v1/chat/completions", body)
        assert (status, problem["error"]["code"]) == (503, "model_loading")
        assert (await client.call("GET", "/health"))[0] == 200
        assert (await client.call("GET", "/ready"))[0] == 503
        loader.go_on.set()
        await looking
        assert (await client.call("POST", "/v1/chat/completions", body))[0] == 200
        assert (await client.call("GET", "/ready"))[0] == 200
