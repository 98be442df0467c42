"""Events about releases that come late, or in another order than they were sent: what was taken back stays away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.unit.inference.released import Client, House, ScriptedLoader, serving
from tests.unit.inference.test_release_events import push, released, rolled_back, versions

from usher_inference.releases.assembly import Rules
from usher_inference.releases.installer import Room

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def deployed(client: Client) -> dict[str, object]:
    found = (await client.call("GET", "/releases"))[1]["deployed"]["small"]
    return {name: found[name] for name in ("stable", "canary", "percent")}


async def test_a_release_that_was_rolled_back_before_it_came_never_serves(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        await models.look()
        await house.publish("v2")
        assert await push(client, "e2", rolled_back("v2", "v1")) == 204
        assert await push(client, "e1", released("v2")) == 204
        assert versions(models) == {"default": "v1"}
        assert (await client.call("POST", "/reload", {"version": "v2"}))[0] == 200
        assert await push(client, "e2", rolled_back("v2", "v1")) == 204  # delivered again, the operator was later
        assert versions(models) == {"default": "v2"}


async def test_a_rollback_of_an_earlier_release_keeps_it_from_coming_back(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        await models.look()
        for version in ("v2", "v3"):
            await house.publish(version)
            await push(client, f"e-{version}", released(version))
        assert await push(client, "e4", rolled_back("v2", "v1")) == 204  # overtaken by v3
        assert versions(models) == {"default": "v3"}
        assert (await client.call("POST", "/rollback"))[1]["version"] == "v1"


@pytest.mark.parametrize(
    "restored", ["v9", "broken"], ids=["what is restored is not there", "what is restored does not load"]
)
async def test_what_is_rolled_back_does_not_serve_on(house: House, restored: str) -> None:
    await house.publish("broken", {"breaks": "no such layer"})
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        await models.look()
        await house.publish("v2")
        await push(client, "e1", released("v2"))
        assert await push(client, "e2", rolled_back("v2", restored)) == 204
        assert versions(models) == {"default": "v1"}
        assert await push(client, "e3", released("v2")) == 204
        assert versions(models) == {"default": "v1"}


async def test_a_release_is_not_restored_in_its_own_place(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        await models.look()
        await house.publish("v2")
        await push(client, "e1", released("v2"))
        assert await push(client, "e2", rolled_back("v2", "v2")) == 400
        assert versions(models) == {"default": "v2"}


async def test_an_older_release_does_not_take_a_canarys_place(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        await models.look()
        await house.publish("v2")
        await house.publish("v3")
        await push(client, "e3", released("v3", 20))
        assert await push(client, "e1", released("v2", 10)) == 204
        assert versions(models) == {"stable": "v1", "canary": "v3"}
        assert await push(client, "e2", released("v2", 100)) == 204  # newer than the stable: under the canary
        assert await deployed(client) == {"stable": "v2", "canary": "v3", "percent": 20}
        assert versions(models) == {"stable": "v2", "canary": "v3"}
        assert await push(client, "e0", released("v1", 100)) == 204
        assert await deployed(client) == {"stable": "v2", "canary": "v3", "percent": 20}
        await house.publish("v4")
        assert await push(client, "e4", released("v4", 5)) == 204  # a newer one does
        assert await deployed(client) == {"stable": "v2", "canary": "v4", "percent": 5}


async def test_a_canarys_share_is_the_one_announced_last(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        await models.look()
        await house.publish("v3")
        await push(client, "e2", released("v3", 50), time=NOON)
        assert await push(client, "e1", released("v3", 10), time=NOON - timedelta(hours=1)) == 204
        assert (await deployed(client))["percent"] == 50
        await push(client, "e3", released("v3", 30), time=NOON + timedelta(hours=1))
        assert (await deployed(client))["percent"] == 30
        assert await push(client, "e2", released("v3", 100), time=NOON) == 204
        assert (await deployed(client))["canary"] == "v3"
        await push(client, "e4", released("v3", 100), time=NOON + timedelta(hours=2))
        assert versions(models) == {"default": "v3"}


async def test_without_room_for_two_the_stable_serves_while_a_canary_is_deployed(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    await models.look()
    await house.publish("v2")
    await models.reload("v2", percent=30)
    await models.close()

    again = house.models(ScriptedLoader(), Rules(room=Room(for_two=False)))
    async with serving(again) as client:
        await again.look()
        assert versions(again) == {"default": "v1"}
        assert (await client.ask())[1] == "v1"
        await again.check()
        assert await deployed(client) == {"stable": "v1", "canary": "v2", "percent": 30}  # for those who have room
        assert (await client.call("POST", "/rollback"))[0] == 200
        assert versions(again) == {"default": "v1"}
