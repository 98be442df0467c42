"""What the embedded bus offers operators, and rudeness on demand."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from contracts.bus.embedded import EmbeddedBench, caller
from contracts.bus.suite import error_event, feedback_event
from usher_shared.errors import Forbidden, NotFound, Unauthenticated, Unprocessable
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource


async def test_duplicates_on_demand(bench: EmbeddedBench) -> None:
    await bench.cli.call("PUT", "/chaos", json={"duplicate": 1.0})
    sent = [error_event(f"k{n}") for n in range(10)]
    await bench.bus.publish(sent)
    await bench.logger.until_seen(*(e.id for e in sent), times=2)
    await bench.until_idle()
    assert sorted(bench.logger.seen) == sorted([e.id for e in sent] * 2)


async def test_reordering_on_demand_breaks_the_order_and_loses_nothing(bench: EmbeddedBench) -> None:
    await bench.cli.call("PUT", "/chaos", json={"reorder": 0.5, "delay_seconds": 0.05})
    sent = [error_event("one key") for _ in range(30)]
    await bench.bus.publish(sent)
    ids = [e.id for e in sent]
    await bench.logger.until_handled(*ids)
    assert sorted(bench.logger.handled) == ids
    assert bench.logger.handled != ids


async def test_chaos_is_told_and_ends_when_asked(bench: EmbeddedBench) -> None:
    await bench.cli.call("PUT", "/chaos", json={"duplicate": 1.0})
    assert await bench.cli.call("GET", "/chaos") == {"duplicate": 1.0, "reorder": 0.0, "delay_seconds": 0.0}
    await bench.cli.call("PUT", "/chaos", json={})
    sent = error_event()
    await bench.bus.publish([sent])
    await bench.logger.until_handled(sent.id)
    await bench.until_idle()
    assert bench.logger.seen == [sent.id]
    with pytest.raises(Unprocessable):
        await bench.cli.call("PUT", "/chaos", json={"duplicate": 1.5})


async def test_tail_waits_for_the_next_event(bench: EmbeddedBench) -> None:
    first, second = error_event(), feedback_event()
    await bench.bus.publish([first])
    answer = await bench.cli.call("GET", "/events", params={"after": 0})
    assert [e["event"]["id"] for e in answer["events"]] == [first.id]
    waiting = asyncio.create_task(bench.cli.call("GET", "/events", params={"after": answer["next"], "wait": 20}))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await bench.bus.publish([second])
    answer = await waiting
    assert [(e["topic"], e["event"]["id"]) for e in answer["events"]] == [("feedback_received", second.id)]
    assert (await bench.cli.call("GET", "/events", params={"after": answer["next"]}))["events"] == []


async def test_tail_without_a_position_begins_with_what_comes(bench: EmbeddedBench) -> None:
    await bench.bus.publish([error_event()])
    answer = await bench.cli.call("GET", "/events")
    assert answer["events"] == []
    assert answer["next"] == 1


async def test_backlog_tells_who_is_behind(bench: EmbeddedBench) -> None:
    await bench.logger.server.stop()
    sent = [error_event() for _ in range(3)]
    await bench.bus.publish(sent)
    await bench.webhooks.until_handled(*(e.id for e in sent))
    lines = await bench.until_backlog(
        lambda lines: (
            not lines["logger-error_occurred"]["reachable"] and not lines["webhooks-error_occurred"]["pending"]
        )
    )
    behind = lines["logger-error_occurred"]
    assert behind["pending"] == 3
    assert behind["oldest_age_seconds"] >= 0
    assert behind["last_error"]
    assert lines["webhooks-error_occurred"]["oldest_age_seconds"] is None


async def test_a_backlog_larger_than_memory_is_delivered_in_order(bench: EmbeddedBench) -> None:
    await bench.logger.server.stop()
    sent = [error_event(f"k{n % 5}") for n in range(450)]  # the window holds 100
    for start in range(0, 450, 90):
        await bench.bus.publish(sent[start : start + 90])
    await bench.logger.server.start()
    await bench.logger.until_handled(*(e.id for e in sent))
    for key in range(5):
        own = [e.id for e in sent[key::5]]
        wanted = set(own)
        assert [id for id in bench.logger.handled if id in wanted] == own


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/events"),
        ("GET", "/backlog"),
        ("GET", "/dead-letters"),
        ("POST", "/dead-letters/1:redrive"),
        ("GET", "/chaos"),
        ("PUT", "/chaos"),
    ],
)
async def test_operating_is_for_operators(bench: EmbeddedBench, method: str, path: str) -> None:
    async with caller("tools", bench.server.url) as tools:
        with pytest.raises(Forbidden):
            await tools.call(method, path, json={})
    async with aiohttp.ClientSession() as session, session.request(method, bench.server.url + path) as response:
        assert response.status == 401


async def test_publishing_needs_a_service_and_a_topic(bench: EmbeddedBench) -> None:
    body = {"messages": [{"data": ""}]}
    path = "/v1/projects/local/topics/error_occurred:publish"
    async with caller("stranger", bench.server.url) as stranger:
        with pytest.raises(Forbidden):
            await stranger.call("POST", path, json=body)
    forged = ServiceClient("bus", bench.server.url, LocalTokenSource("tools", "another secret, just as long as ours"))
    async with forged:
        with pytest.raises(Unauthenticated):
            await forged.call("POST", path, json=body)
    async with caller("tools", bench.server.url) as tools:
        with pytest.raises(NotFound):
            await tools.call("POST", "/v1/projects/local/topics/nonsense:publish", json=body)
        with pytest.raises(Unprocessable):
            await tools.call("POST", path, json={"messages": []})
    assert (await bench.cli.call("GET", "/events", params={"after": 0}))["events"] == []


async def test_bytes_that_are_no_event_are_buried_at_once(bench: EmbeddedBench) -> None:
    message = {"data": "bm9uc2Vuc2U=", "attributes": {"type": "usher.feedback_received.v1"}}
    async with caller("tools", bench.server.url) as tools:
        answer = await tools.call(
            "POST", "/v1/projects/local/topics/feedback_received:publish", json={"messages": [message]}
        )
    assert answer == {"messageIds": ["1"]}
    (dead,) = await bench.dead_letters(at_least=1)
    assert dead.event_id is None
    assert dead.attempts == 1
    assert "invalid_event" in dead.reason


async def test_a_redrive_of_nothing_is_not_found(bench: EmbeddedBench) -> None:
    with pytest.raises(NotFound):
        await bench.cli.call("POST", "/dead-letters/77:redrive")


async def test_dead_letters_come_in_pages(bench: EmbeddedBench) -> None:
    sent = [error_event() for _ in range(5)]
    for e in sent:
        bench.logger.poison[e.id] = RuntimeError("always")
    await bench.bus.publish(sent)
    await bench.dead_letters(at_least=5)
    found: list[int] = []
    after: int | None = 0
    while after is not None:
        page = await bench.cli.call("GET", "/dead-letters", params={"after": after, "limit": 2})
        found += [d["id"] for d in page["dead_letters"]]
        after = page["next_cursor"]
    assert found == [1, 2, 3, 4, 5]
