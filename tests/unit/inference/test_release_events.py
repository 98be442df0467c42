"""Releases announced by events, found by looking, and remembered while the store is away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.unit.inference.released import FIRST, MODEL, Client, House, ScriptedLoader, serving

from usher_inference.metrics import Metrics
from usher_inference.releases.assembly import Rules
from usher_inference.releases.service import ReleasedModels
from usher_inference.settings import Settings
from usher_shared.artifacts import Artifact, ArtifactStore, Content
from usher_shared.bus.push import encode_push
from usher_shared.errors import Unavailable, UpstreamFailed
from usher_shared.events.catalogue import EventData, ModelReleased, ModelRolledBack, TicketPurchased
from usher_shared.events.envelope import event

ANNOUNCED = datetime(2026, 11, 20, tzinfo=UTC)
NAMES: dict[type[EventData], str] = {
    ModelReleased: "model_released",
    ModelRolledBack: "model_rolled_back",
    TicketPurchased: "ticket_purchased",
}


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def push(client: Client, id: str, data: EventData, *, time: datetime = ANNOUNCED) -> int:
    """As Pub/Sub does. The answer's status."""
    name = NAMES[type(data)]
    made = event(id=id, type=f"usher.{name}.v1", source="usher/trainer-job", time=time, data=data)
    envelope = encode_push(
        made.to_json(),
        made.attributes(),
        message_id="1",
        publish_time="2026-11-20T00:00:00Z",
        subscription=f"projects/p/subscriptions/inference-{name}",
    )
    return (await client.call("POST", "/push", envelope, caller="bus"))[0]


def released(version: str, percent: int = 100) -> ModelReleased:
    return ModelReleased(version=version, traffic_percent=percent, metadata_uri=f"gs://b/releases/{version}")


def rolled_back(version: str, restored: str) -> ModelRolledBack:
    return ModelRolledBack(version=version, restored_version=restored, reason="complaints")


def versions(models: ReleasedModels) -> dict[str, str]:
    return {each.variant: each.engine.version for each in models.all() if each.engine.model == MODEL}


async def test_an_announced_release_is_taken_up_once(house: House) -> None:
    loader = ScriptedLoader()
    await house.publish("v1")
    models = house.models(loader)
    async with serving(models) as client:
        await models.look()
        await house.publish("v2")
        assert await push(client, "e1", released("v2", 20)) == 204
        assert versions(models) == {"stable": "v1", "canary": "v2"}
        assert await push(client, "e2", released("v2", 100)) == 204
        assert versions(models) == {"default": "v2"}
        assert await push(client, "e1", released("v2", 20)) == 204  # delivered again
        assert versions(models) == {"default": "v2"}
        assert await push(client, "e0", released("v1", 100)) == 204  # overtaken
        assert versions(models) == {"default": "v2"}
        assert loader.loads == ["v1", "v2"]


async def test_an_older_release_does_not_overtake_a_newer(house: House) -> None:
    await house.publish("old", created_at=FIRST)
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        await models.look()
        await house.publish("new")
        await house.publish("between", created_at=FIRST.replace(hour=1))
        await push(client, "e2", released("new"))
        await push(client, "e1", released("between"))
        assert versions(models) == {"default": "new"}


async def test_a_rollback_decided_elsewhere_is_followed_once(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        await models.look()
        await house.publish("v2")
        await push(client, "e1", released("v2"))
        assert await push(client, "e2", rolled_back("v2", "v1")) == 204
        assert versions(models) == {"default": "v1"}
        assert await push(client, "e1", released("v2")) == 204  # delivered again: it stays rolled back
        assert versions(models) == {"default": "v1"}
        await client.call("POST", "/reload", {"version": "v2"})
        assert await push(client, "e2", rolled_back("v2", "v1")) == 204  # delivered again, the operator was later
        assert versions(models) == {"default": "v2"}
        await house.publish("v3")
        await push(client, "e3", released("v3", 10))
        await push(client, "e4", rolled_back("v3", "v2"))
        assert versions(models) == {"default": "v2"}
        assert await push(client, "e5", rolled_back("never", "v1")) == 204
        assert versions(models) == {"default": "v2"}


async def test_a_refused_release_is_acknowledged_and_a_missing_one_asked_for_again(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        await models.look()
        await house.publish("v2", {"breaks": "no such layer"})
        assert await push(client, "e1", released("v2")) == 204
        assert await push(client, "e2", released("v9")) == 404
        assert await push(client, "e3", rolled_back("v1", "v9")) == 204
        assert versions(models) == {"default": "v1"}


async def test_other_events_belong_to_the_dead_letters(house: House) -> None:
    models = house.models(ScriptedLoader())
    async with serving(models) as client:
        purchase = TicketPurchased.model_construct(order_id="ORD_1")
        envelope = {"message": {"data": "bm8=", "messageId": "1"}, "subscription": "s"}
        assert (await client.call("POST", "/push", envelope, caller="bus"))[0] == 400
        assert await push(client, "e1", purchase) == 400


async def test_a_newer_release_is_found_by_looking(house: House) -> None:
    await house.publish("v1")
    loader = ScriptedLoader()
    models = house.models(loader, Rules(newest=True))
    async with serving(models, Settings(releases_poll_seconds=0.01)):
        while "v1" not in loader.engines:
            loader.asked.clear()
            await loader.asked.wait()
            await asyncio.sleep(0)
        await house.publish("v2")
        await loader.engines["v1"].closed.wait()
        assert versions(models) == {"default": "v2"}
        await house.publish("v3", {"raises": "nan"})
        await house.publish("v4")
        await loader.engines["v2"].closed.wait()
        assert versions(models) == {"default": "v4"}


async def test_what_is_refused_is_not_tried_at_every_look(house: House) -> None:
    await house.publish("v1")
    loader = ScriptedLoader()
    models = house.models(loader, Rules(newest=True))
    await models.look()
    await house.publish("v2", {"raises": "nan"})
    for _ in range(3):
        await models.look()
    assert loader.loads == ["v1", "v2"]
    assert versions(models) == {"default": "v1"}
    await models.close()


async def test_the_first_release_of_an_empty_store_is_found_by_looking(house: House) -> None:
    models = house.models(ScriptedLoader(), Rules(newest=True))
    await models.look()
    assert versions(models) == {}
    await house.publish("v1", {"raises": "nan"})
    await models.look()
    assert versions(models) == {}
    await house.publish("v2")
    await models.look()
    assert versions(models) == {"default": "v2"}
    await models.close()


async def test_each_model_that_is_named_begins_when_its_first_release_is_found(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader(), Rules(only=(MODEL, "big"), newest=True))
    await models.look()
    await house.publish("big-1", model="big")
    await house.publish("other-1", model="other")
    await models.look()
    assert {each.engine.version for each in models.all()} >= {"v1", "big-1"}
    assert "other-1" not in {each.engine.version for each in models.all()}
    await models.close()


async def test_what_an_operator_chose_is_not_undone_by_looking(house: House) -> None:
    """What was in the store then was passed over; what comes later is news."""
    await house.publish("v0")
    await house.publish("v1")
    await house.publish("v2")
    models = house.models(ScriptedLoader(), Rules(newest=True))
    await models.look()
    await house.publish("v3")
    await models.reload("v1")
    await models.look()
    assert versions(models) == {"default": "v1"}
    await models.close()
    again = house.models(ScriptedLoader(), Rules(newest=True))
    await again.look()
    assert versions(again) == {"default": "v1"}
    assert (await again.reload()).version == "v3"  # by an operator it can be had
    await house.publish("v4")
    await house.publish("v5")
    await again.look()
    assert versions(again) == {"default": "v5"}
    await again.rollback()
    await again.look()  # v4 was there when v3 was chosen
    assert versions(again) == {"default": "v3"}
    await house.publish("v6")
    await again.look()
    assert versions(again) == {"default": "v6"}
    await again.close()


async def test_an_older_release_does_not_take_the_place_of_one_that_is_gone(house: House) -> None:
    await house.publish("v1")
    await house.publish("v2")
    models = house.models(ScriptedLoader(), Rules(newest=True))
    await models.look()
    for each in await house.store.list("releases/v2/"):
        await house.store.delete(each.name)
    await models.look()
    assert versions(models) == {"default": "v2"}
    assert await models.take_released("v1", 100, "e1", ANNOUNCED) is None
    await house.publish("v3")
    await models.look()
    assert versions(models) == {"default": "v3"}
    await models.close()


class Distant:
    """The house's store, which may be away."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self.is_away = False

    def _here(self) -> ArtifactStore:
        if self.is_away:
            raise Unavailable("the store is away")
        return self._store

    async def put(self, name: str, content: Content, *, if_generation_match: int | None = None) -> Artifact:
        return await self._here().put(name, content, if_generation_match=if_generation_match)

    async def get(
        self, name: str, target: Path, *, sha256: str | None = None, if_generation_match: int | None = None
    ) -> Artifact:
        return await self._here().get(name, target, sha256=sha256, if_generation_match=if_generation_match)

    async def stat(self, name: str) -> Artifact:
        return await self._here().stat(name)

    async def list(self, prefix: str = "") -> Sequence[Artifact]:
        return await self._here().list(prefix)

    async def delete(self, name: str, *, if_generation_match: int | None = None) -> None:
        await self._here().delete(name, if_generation_match=if_generation_match)

    async def ping(self) -> None:
        await self._here().ping()

    async def close(self) -> None: ...


async def test_a_start_without_the_store_serves_what_was_deployed(house: House) -> None:
    store = Distant(house.store)
    await house.publish("v1")
    models = house.models(ScriptedLoader(), store=store)
    await models.look()
    await house.publish("v2")
    await models.reload("v2", percent=30)
    await models.close()

    store.is_away = True
    again = house.models(ScriptedLoader(), store=store)
    with pytest.raises(Unavailable):
        await again.look()
    assert versions(again) == {"stable": "v1", "canary": "v2"}
    await again.check()
    with pytest.raises(Unavailable):
        await again.reload("v2")
    assert versions(again) == {"stable": "v1", "canary": "v2"}
    store.is_away = False
    assert (await again.reload("v2")).changed
    assert versions(again) == {"default": "v2"}
    await again.close()


async def test_a_record_that_cannot_be_understood_changes_nothing(house: House) -> None:
    await house.publish("v1")
    models = house.models(ScriptedLoader())
    await models.look()
    await models.reload("v1")
    await house.store.put("deployment.json", b"{")
    with pytest.raises(UpstreamFailed):
        await models.look()
    assert versions(models) == {"default": "v1"}
    await models.close()
    again = house.models(ScriptedLoader())
    with pytest.raises(UpstreamFailed):
        await again.look()
    assert versions(again) == {"default": "v1"}
    await again.close()


async def test_a_first_start_without_the_store_is_not_ready_until_it_is_back(house: House) -> None:
    store = Distant(house.store)
    store.is_away = True
    await house.publish("v1")
    models = house.models(ScriptedLoader(), store=store)
    async with serving(models) as client:
        status, ready = await client.call("GET", "/ready")
        assert (status, ready["checks"]["releases"]) == (503, "Unavailable: the store is away")
        text, _, _ = await client.ask(model="usher-playbook")
        assert text.startswith("Hello!")
        store.is_away = False
        await models.look()
        assert (await client.call("GET", "/ready"))[0] == 200
        assert (await client.ask())[1] == "v1"


async def test_why_the_store_cannot_be_followed_is_for_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    asked = asyncio.Event()

    class Broken(Distant):
        def _here(self) -> ArtifactStore:
            if self.is_away:
                asked.set()
                raise PermissionError(13, "Permission denied", "/srv/secret/artifacts")
            return super()._here()

    store = Broken(house.store)
    store.is_away = True
    models = house.models(ScriptedLoader(), store=store)
    async with serving(models, Settings(releases_poll_seconds=0.01)) as client:
        await asked.wait()
        status, ready = await client.call("GET", "/ready")
    assert (status, ready["checks"]["releases"]) == (503, "Unavailable: PermissionError")
    assert ready["checks"]["newest release"] == "degraded: Unavailable: PermissionError"
    assert any("/srv/secret/artifacts" in str(vars(record)) for record in caplog.records)


async def test_a_swap_that_cannot_be_written_down_does_not_happen(house: House) -> None:
    class NoWrites(Distant):
        async def put(self, name: str, content: Content, *, if_generation_match: int | None = None) -> Artifact:
            raise Unavailable("the store takes nothing now")

    await house.publish("v1")
    loader = ScriptedLoader()
    models = house.models(loader, store=NoWrites(house.store))
    await models.look()
    await house.publish("v2")
    with pytest.raises(Unavailable):
        await models.reload("v2")
    assert versions(models) == {"default": "v1"}
    assert loader.engines["v2"].is_closed
    await models.close()


async def test_swaps_are_measured(house: House) -> None:
    metrics = Metrics()
    await house.publish("v1")
    models = house.models(ScriptedLoader(), metrics=metrics)
    await models.look()
    await house.publish("v2", {"raises": "nan"})
    with pytest.raises(Exception, match="refused"):
        await models.reload("v2")
    text = metrics.exposition().decode()
    assert 'usher_inference_swaps_total{model="small",result="ok",version="v1"} 1.0' in text
    assert 'usher_inference_swaps_total{model="small",result="failed",version="v2"} 1.0' in text
    assert 'usher_inference_release_serving{model="small",variant="default",version="v1"} 1.0' in text
    await models.close()
