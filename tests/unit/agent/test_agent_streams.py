"""Turns as AG-UI events: what the official types accept, resumable without loss or repetition."""

from __future__ import annotations

import asyncio

import pytest
from ag_ui.core import Event
from pydantic import TypeAdapter

from usher_shared.errors import Unavailable

OFFICIAL = TypeAdapter(Event)


def check(frames, *, first=1):
    """Numbers without gap, every frame official, texts and calls well nested; the frames' types."""
    assert [number for number, _ in frames] == list(range(first, first + len(frames)))
    for _, frame in frames:
        OFFICIAL.validate_python(frame)
    open_texts: set[str] = set()
    for _, frame in frames:
        match frame["type"]:
            case "TEXT_MESSAGE_START":
                assert not open_texts
                open_texts.add(frame["messageId"])
            case "TEXT_MESSAGE_CONTENT":
                assert frame["messageId"] in open_texts
            case "TEXT_MESSAGE_END":
                open_texts.remove(frame["messageId"])
    assert not open_texts
    return [frame["type"] for _, frame in frames]


def text_of(frames, message_id=None):
    return "".join(
        frame["delta"]
        for _, frame in frames
        if frame["type"] == "TEXT_MESSAGE_CONTENT" and message_id in (None, frame["messageId"])
    )


def turn_of(frames):
    (value,) = [f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "turn"]
    return value


async def test_a_streamed_turn(world):
    world.model.call("search_events", query="hamlet")
    world.model.say("Hamlet plays tonight.")
    async with world.customer.stream("hamlet?") as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        frames = await world.read_frames(response)
    types = check(frames)
    assert types[0] == "RUN_STARTED"
    assert types[-1] == "RUN_FINISHED"
    assert frames[-1][1]["outcome"] == {"type": "success"}
    for expected in ("STEP_STARTED", "TOOL_CALL_START", "TOOL_CALL_ARGS", "TOOL_CALL_END", "TOOL_CALL_RESULT"):
        assert expected in types
    turn = turn_of(frames)
    assert text_of(frames, turn["message_id"]).strip() == turn["reply"] == "Hamlet plays tonight."


async def test_a_stream_that_proposes_ends_in_an_interrupt(world):
    world.model.call("hold_tickets", event_id="E", seat_ids=["A-5-1"])
    world.model.call("create_order", hold_id="HOLD_1")
    async with world.customer.stream("buy one") as response:
        frames = await world.read_frames(response)
    check(frames)
    turn = turn_of(frames)
    (interrupt,) = frames[-1][1]["outcome"]["interrupts"]
    assert interrupt["id"] == turn["confirmation"]["id"]
    (shown,) = [f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "confirmation"]
    assert shown == turn["confirmation"]
    assert text_of(frames, turn["message_id"]) == turn["reply"]

    async with world.customer.stream("yes") as response:
        frames = await world.read_frames(response)
    check(frames, first=frames[0][0])
    assert len(world.box.orders) == 1
    assert next(iter(world.box.orders)) in text_of(frames)


async def test_a_failing_model_streams_an_apology(world):
    world.model.fail(Unavailable("down"))
    async with world.customer.stream("hello") as response:
        frames = await world.read_frames(response)
    check(frames)
    assert frames[-1][1]["result"]["error_code"] == "model_unavailable"
    assert "sorry" in text_of(frames)


async def test_markup_is_never_streamed(world):
    world.model.say("Well <tool_call> {}")
    world.model.say("a < b is true <")
    async with world.customer.stream("hello") as response:
        frames = await world.read_frames(response)
    check(frames)
    assert "<tool_call" not in text_of(frames)
    assert turn_of(frames)["reply"] == "a < b is true <"
    assert text_of(frames, turn_of(frames)["message_id"]).strip() == "a < b is true <"


async def test_errors_before_the_first_frame_are_problems(world):
    async with world.customer.stream("  ") as response:
        assert response.status == 422


async def test_a_json_turn_can_be_read_as_events_afterwards(world):
    await world.offer()
    async with world.customer.events() as response:
        frames = await world.read_frames(response)
    types = check(frames)
    assert types.count("TOOL_CALL_RESULT") == 3
    assert turn_of(frames)["confirmation"]
    await world.customer.say("what else is on?")
    async with world.customer.events(after=frames[-1][0]) as response:
        more = await world.read_frames(response)
    check(more, first=frames[-1][0] + 1)
    assert more[0][1]["type"] == "RUN_STARTED"


@pytest.mark.parametrize("cut", [1, 4, 9])
async def test_resuming_loses_and_repeats_nothing(world, cut):
    world.model.call("search_events", query="hamlet")
    world.model.call("get_event_info", event_id="E")
    world.model.say("one two three four five six")
    world.box.gates["get_event_info"] = asyncio.Event()
    if cut < 9:
        async with world.customer.stream("hamlet?") as response:
            seen = await world.read_frames(response, limit=cut)
    else:
        async with world.customer.stream("hamlet?") as response:
            seen = await world.read_frames(response, limit=7)
    resumed = asyncio.create_task(collect(world, seen[-1][0]))
    world.box.gates["get_event_info"].set()
    rest = await resumed
    check([*seen, *rest])
    assert turn_of(rest)["reply"] == "one two three four five six"


async def collect(world, after):
    async with world.customer.events(after) as response:
        return await world.read_frames(response)


async def test_followers_of_a_running_turn_see_the_same(world):
    world.model.gate = asyncio.Event()
    world.model.say("the same for all")

    async def speak():
        async with world.customer.stream("hello") as response:
            return await world.read_frames(response)

    first = asyncio.create_task(speak())
    await world.model.asked.wait()
    others = [asyncio.create_task(collect(world, after)) for after in (None, 0, 1)]
    world.model.gate.set()
    seen = await first
    check(seen)
    all_seen = await asyncio.gather(*others)
    assert all_seen[0] == all_seen[1] == seen
    assert all_seen[2] == seen[1:]


async def test_a_client_that_leaves_does_not_stop_the_turn(world):
    world.model.gate = asyncio.Event()
    world.model.say("still here")
    async with world.customer.stream("hello") as response:
        await world.read_frames(response, limit=1)
    world.model.gate.set()
    frames = await collect(world, 1)
    assert turn_of(frames)["reply"] == "still here"
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert view["messages"][-1]["text"] == "still here"


async def test_a_cancelled_stream_says_so(world):
    world.model.gate = asyncio.Event()

    async def speak():
        async with world.customer.stream("hello") as response:
            return await world.read_frames(response)

    stream = asyncio.create_task(speak())
    await world.model.asked.wait()
    await world.customer.request("POST", "/conversations/c1/cancel")
    frames = await stream
    check(frames)
    assert frames[-1][1]["outcome"] == {"type": "cancelled"}


async def test_silence_is_filled_with_comments(make_world):
    world = await make_world(heartbeat_seconds=0.01)
    world.model.gate = asyncio.Event()
    async with world.customer.stream("hello") as response:
        async for raw in response.content:
            if raw.startswith(b":"):
                break
        world.model.gate.set()
        await world.read_frames(response)


async def test_a_strange_last_event_id_is_refused(world):
    await world.customer.say("hi")
    async with world.customer.events("abc") as response:
        assert response.status == 400


async def test_a_turn_of_another_process_is_followed_and_respected(make_world):
    first = await make_world(single_process=False)
    second = await make_world(single_process=False, queue_seconds=0.01)
    first.model.call("search_events", query="hamlet")
    first.model.say("the same everywhere")
    first.box.gates["search_events"] = asyncio.Event()

    async def speak():
        async with first.customer.stream("hello") as response:
            return await first.read_frames(response)

    stream = asyncio.create_task(speak())
    await first.box.entered.wait()
    follower = asyncio.create_task(collect(second, 0))
    status, problem = await second.customer.turn("me too")
    assert (status, problem["code"]) == (409, "conversation_busy")
    status, problem = await second.customer.request("POST", "/conversations/c1/cancel")
    assert (status, problem["code"]) == (409, "conversation_busy")
    first.box.gates["search_events"].set()
    seen = await stream
    check(seen)
    assert await follower == seen
    await second.customer.say("and now me")
    texts = [m["content"] for m in second.model.requests[-1].messages]
    assert "the same everywhere" in texts
    await first.customer.say("and me again")
    assert "and now me" in [m["content"] for m in first.model.requests[-1].messages]
