"""Swaps while requests run: none is dropped, none is answered by two releases, nothing is freed under anyone."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from pathlib import Path

import pytest
from tests.unit.inference.released import MODEL, Client, House, ScriptedLoader, serving

from usher_inference.completions.model import Message, Prompt, TextDelta
from usher_inference.releases.assembly import Rules
from usher_inference.releases.installer import Room

LONG = " ".join(f"w{n}" for n in range(40))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def check_whole(text: str, version: str) -> None:
    """Every piece is of the release that the headers named, and none is missing."""
    assert text == "".join(f"{version}:{word} " for word in LONG.split())


async def test_a_dozen_swaps_under_load_drop_and_mix_nothing(house: House) -> None:
    versions = [f"v{n}" for n in range(6)]
    for version in versions:
        await house.publish(version, {"says": LONG})
    loader = ScriptedLoader()
    models = house.models(loader)
    seen: dict[str, int] = {}
    is_over = asyncio.Event()

    async def customer(client: Client, name: str) -> int:
        asked = 0
        while not is_over.is_set():
            text, version, _ = await client.ask(name)
            check_whole(text, version)
            seen[version] = seen.get(version, 0) + 1
            asked += 1
        return asked

    async with serving(models) as client:
        await models.look()
        customers = [asyncio.create_task(customer(client, f"CONV_{n}")) for n in range(12)]
        for swap in range(12):
            version = versions[swap % len(versions)]
            percent = 50.0 if swap % 4 == 3 else 100.0
            status, answer = await client.call("POST", "/reload", {"version": version, "percent": percent})
            assert status == 200, answer
            if swap % 5 == 4:
                assert (await client.call("POST", "/rollback"))[0] == 200
        is_over.set()
        asked = await asyncio.gather(*customers)
    assert all(asked)
    assert len(seen) >= 4  # requests of several releases were in the air
    assert loader.most_at_once <= 3  # stable, canary, and the one that comes: never a heap of old ones
    assert all(engine.is_closed for engine in loader.engines.values())


async def test_a_replaced_release_answers_to_its_end_and_is_then_freed(house: House) -> None:
    await house.publish("v1", {"says": LONG})
    loader = ScriptedLoader()
    models = house.models(loader)
    async with serving(models) as client:
        await models.look()
        old = loader.engines["v1"]
        old.go_on.clear()
        asking = [asyncio.create_task(client.ask(f"CONV_{n}")) for n in range(3)]
        await old.answering(3)
        await house.publish("v2", {"says": LONG})
        assert (await client.call("POST", "/reload"))[0] == 200
        assert (await client.ask())[1] == "v2"
        assert not old.is_closed
        old.go_on.set()
        for answer in await asyncio.gather(*asking):
            check_whole(answer[0], "v1")
        await old.closed.wait()


async def test_without_the_count_of_users_requests_would_break(house: House) -> None:
    """The control: who frees what is replaced at once breaks those who still use it."""
    await house.publish("v1", {"says": LONG})
    loader = ScriptedLoader()
    models = house.models(loader)
    await models.look()
    engine = loader.engines["v1"]
    engine.go_on.clear()
    with models.lease(MODEL, None) as served:
        answer = served.engine.generate(Prompt((Message(role="user", content="hello"),)))
        waiting = asyncio.ensure_future(anext(answer))
        await engine.answering()
        with pytest.raises(AssertionError, match="freed while it answered"):
            await engine.close()
        engine.closed.set()
        engine.go_on.set()
        with pytest.raises(AssertionError, match="freed while it answered"):
            await waiting
    with suppress(AssertionError):
        await models.close()


async def test_a_swap_waits_for_the_one_before_to_be_freed(house: House) -> None:
    for version in ("v1", "v2", "v3"):
        await house.publish(version, {"says": LONG})
    loader = ScriptedLoader()
    models = house.models(loader, Rules(room=Room(drain_seconds=0.05)))
    async with serving(models) as client:
        await client.call("POST", "/reload", {"version": "v1"})
        old = loader.engines["v1"]
        old.go_on.clear()
        asking = asyncio.create_task(client.ask())
        await old.answering()
        assert (await client.call("POST", "/reload", {"version": "v2"}))[0] == 200
        status, problem = await client.call("POST", "/reload", {"version": "v3"})
        assert (status, problem["code"]) == (503, "still_draining")
        assert (await client.ask())[1] == "v2"
        old.go_on.set()
        check_whole((await asking)[0], "v1")
        assert (await client.call("POST", "/reload", {"version": "v3"}))[0] == 200


async def test_where_there_is_room_for_one_the_old_is_drained_first(house: House) -> None:
    await house.publish("v1", {"says": LONG})
    loader = ScriptedLoader()
    models = house.models(loader, Rules(room=Room(for_two=False)))
    async with serving(models) as client:
        await models.look()
        old = loader.engines["v1"]
        old.go_on.clear()
        asking = asyncio.create_task(client.ask())
        await old.answering()
        await house.publish("v2", {"says": LONG})
        swapping = asyncio.create_task(client.call("POST", "/reload"))
        body = {"model": MODEL, "messages": [{"role": "user", "content": "hello"}]}
        loader.go_on.clear()
        old.go_on.set()
        check_whole((await asking)[0], "v1")
        await old.closed.wait()
        status, problem = await client.call("POST", "/v1/chat/completions", body)
        assert (status, problem["error"]["code"]) == (503, "model_loading")
        loader.go_on.set()
        assert (await swapping)[0] == 200
        assert (await client.ask())[1] == "v2"
        assert loader.most_at_once == 1
        status, problem = await client.call("POST", "/reload", {"version": "v1", "percent": 10})
        assert (status, problem["code"]) == (409, "no_room")
        await house.publish("v3", {"raises": "nan"})
        assert (await client.call("POST", "/reload"))[0] == 422
        assert (await client.ask())[1] == "v2"  # it came back
        assert loader.loads == ["v1", "v2", "v3", "v2"]


async def test_what_cannot_make_room_in_time_serves_on(house: House) -> None:
    """It is put back, not loaded a second time beside itself."""
    await house.publish("v1", {"says": LONG})
    loader = ScriptedLoader()
    models = house.models(loader, Rules(room=Room(for_two=False, drain_seconds=0.05)))
    async with serving(models) as client:
        await models.look()
        old = loader.engines["v1"]
        old.go_on.clear()
        asking = asyncio.create_task(client.ask())
        await old.answering()
        await house.publish("v2", {"says": LONG})
        status, problem = await client.call("POST", "/reload")
        assert (status, problem["code"]) == (503, "still_draining")
        old.go_on.set()
        check_whole((await asking)[0], "v1")
        check_whole((await client.ask())[0], "v1")
        assert (loader.loads, loader.most_at_once, old.is_closed) == (["v1"], 1, False)
        assert (await client.call("POST", "/reload"))[0] == 200
        assert (await client.ask())[1] == "v2"
        assert (loader.loads, loader.most_at_once, old.is_closed) == (["v1", "v2"], 1, True)


@pytest.mark.parametrize("is_recorded", [True, False])
async def test_what_did_not_come_back_comes_at_a_later_look(house: House, is_recorded: bool) -> None:
    await house.publish("v1")
    loader = ScriptedLoader()
    models = house.models(loader, Rules(room=Room(for_two=False)))
    async with serving(models) as client:
        await models.look()
        if is_recorded:
            await client.call("POST", "/reload", {"version": "v1"})
        await house.publish("v2", {"raises": "nan"})
        loader.breaks_once.add("v1")
        assert (await client.call("POST", "/reload"))[0] == 422
        assert (await client.call("GET", "/ready"))[0] == 503
        loader.breaks_once.add("v1")
        await models.look()
        assert (await client.call("GET", "/ready"))[0] == 503
        await models.look()
        assert (await client.ask())[1] == "v1"
        assert (await client.call("GET", "/ready"))[0] == 200
        await models.look()
        assert loader.loads == ["v1", "v2", "v1"]  # what was refused is not tried again


async def test_a_client_that_leaves_gives_its_engine_back(house: House) -> None:
    await house.publish("v1", {"says": LONG})
    loader = ScriptedLoader()
    models = house.models(loader)
    async with serving(models) as client:
        await models.look()
        old = loader.engines["v1"]
        old.go_on.clear()
        asking = asyncio.create_task(client.ask())
        await old.answering()
        asking.cancel()
        with suppress(asyncio.CancelledError):
            await asking
        await house.publish("v2")
        assert (await client.call("POST", "/reload"))[0] == 200
        await old.closed.wait()  # though it never went on


async def test_changes_come_one_after_the_other(house: House) -> None:
    for n in range(5):
        await house.publish(f"v{n}")
    loader = ScriptedLoader()
    models = house.models(loader)
    async with serving(models) as client:
        await models.look()
        answers = await asyncio.gather(*(client.call("POST", "/reload", {"version": f"v{n}"}) for n in range(5)))
        assert [status for status, _ in answers] == [200] * 5
        deployed = (await client.call("GET", "/releases"))[1]["deployed"][MODEL]
        assert (await client.ask())[1] == deployed["stable"]
        assert set(deployed["history"]) | {deployed["stable"]} == {f"v{n}" for n in range(5)}
        assert sum(not each.is_closed for each in loader.engines.values()) <= 2


async def test_of_two_instances_that_deploy_at_once_one_is_told(house: House) -> None:
    for version in ("v1", "v2", "v3"):
        await house.publish(version)
    slow, quick = ScriptedLoader(), ScriptedLoader()
    one, two = house.models(slow, cache="one"), house.models(quick, cache="two")
    await one.reload("v1")
    await two.look()
    slow.go_on.clear()
    slow.asked.clear()
    behind = asyncio.create_task(one.reload("v2"))
    await slow.asked.wait()
    assert (await two.reload("v3")).changed
    slow.go_on.set()
    with pytest.raises(Exception, match="something else was deployed meanwhile"):
        await behind
    with one.lease(MODEL, None) as served:
        assert served.engine.version == "v1"
    await one.look()
    with one.lease(MODEL, None) as served:
        assert served.engine.version == "v3"
    await one.close()
    await two.close()


async def test_pieces_say_their_release(house: House) -> None:
    """What the tests above rely on."""
    await house.publish("v1", {"says": "one"})
    loader = ScriptedLoader()
    models = house.models(loader)
    await models.look()
    with models.lease(MODEL, None) as served:
        pieces = [piece async for piece in served.engine.generate(Prompt((Message(role="user", content="hello"),)))]
    assert isinstance(pieces[0], TextDelta)
    assert re.fullmatch(r"v1:one ", pieces[0].text)
    await models.close()
