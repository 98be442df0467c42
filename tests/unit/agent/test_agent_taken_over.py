"""Two processes at one turn: the one that was held up and lost it says and does no more; the other loses nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from usher_agent.models.ports import Completion
from usher_shared.errors import Conflict, Unavailable


async def streamed(world, message, into=None):
    async with world.customer.stream(message) as response:
        return await world.read_frames(response, into=into)


async def all_frames(world):
    async with world.customer.events() as response:
        return await world.read_frames(response)


async def until_stored(world, kind):
    async def stored():
        return kind in [f["type"] async for _, f in world.app.state.turns._frames.read("c1", 0)]

    await world.until(stored)


async def two_at_one_turn(make_world, message):
    """Two processes; the first began the turn, was held up, and waits for its model; the second is to take it up."""
    first = await make_world(single_process=False)
    second = await make_world(single_process=False)
    second.clock, second.box = first.clock, first.box
    await second.restart()
    first.model.gate = asyncio.Event()
    stream = asyncio.create_task(streamed(first, message))
    await first.model.asked.wait()
    await until_stored(first, "RUN_STARTED")
    first.clock.advance(timedelta(seconds=31))
    return first, second, stream


async def cut_off(world, message):
    """Stream a message, and kill the process when its model is asked to say something about what it called."""
    asked = asyncio.Event()

    async def wait(request):
        asked.set()
        await asyncio.Event().wait()

    world.model.script.append(wait)
    stream = asyncio.create_task(streamed(world, message))
    await asked.wait()
    return stream


async def die(world, stream):
    await world.kill()
    stream.cancel()
    await asyncio.gather(stream, return_exceptions=True)


def texts_of(frames):
    return [f["delta"] for _, f in frames if f["type"] == "TEXT_MESSAGE_CONTENT"]


def reply_of(frames):
    (value,) = [f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "turn"]
    return value["reply"]


async def test_the_process_that_lost_a_turn_shows_nothing_more(make_world):
    first, second, stream = await two_at_one_turn(make_world, "hi there")
    ready = asyncio.Event()

    async def speaking(request, on_text):
        on_text("The second begins here. ")
        await ready.wait()
        raise Unavailable("the model is away")

    second.model.speak(speaking)
    await second.app.state.sweep.run()
    seen = []

    async def follow():
        async with second.customer.events() as response:
            return await second.read_frames(response, into=seen)

    reading = asyncio.create_task(follow())
    await until_stored(second, "TEXT_MESSAGE_CONTENT")
    first.model.say("The first has another answer.")
    lost = first.app.state.turns.running("c1").task
    first.model.gate.set()
    await asyncio.wait([lost])
    ready.set()
    frames = await asyncio.wait_for(reading, 20)
    assert "The first" not in str(frames)
    assert [f["type"] for _, f in frames].count("RUN_FINISHED") == 1
    assert frames == await all_frames(second)
    assert await asyncio.wait_for(stream, 20) == frames  # its reader gets the rest all the same
    assert (await first.store.get("agent_conversations", "c1"))["turns"] == 1


async def test_the_process_that_lost_a_turn_does_nothing_more(make_world):
    first, second, stream = await two_at_one_turn(make_world, "two for Hamlet")
    second.model.gate = asyncio.Event()
    second.model.call("hold_tickets", event_id=first.event_id, seat_ids=["A-5-20", "A-5-21"])
    await second.app.state.sweep.run()
    await second.model.asked.wait()
    first.model.call("hold_tickets", event_id=first.event_id, seat_ids=["A-5-12", "A-5-13"])
    lost = first.app.state.turns.running("c1").task
    first.model.gate.set()
    await asyncio.wait([lost])
    assert not first.box.holds
    second.model.gate.set()
    await asyncio.wait_for(stream, 20)
    conversation = await second.store.get("agent_conversations", "c1")
    assert conversation["holds"] == list(first.box.holds)
    assert [hold["seats"] for hold in first.box.holds.values()] == [["A-5-20", "A-5-21"]]


async def test_a_process_that_was_held_up_and_lost_nothing_goes_on(make_world):
    first, _, stream = await two_at_one_turn(make_world, "two for Hamlet")
    first.model.call("hold_tickets", event_id=first.event_id, seat_ids=["A-5-12"])
    first.model.say("They are held.")
    first.model.gate.set()
    assert reply_of(await asyncio.wait_for(stream, 20)) == "They are held."
    assert len(first.box.holds) == 1


async def test_a_turn_that_could_not_be_read_is_taken_up_later(world):
    stream = await cut_off(world, "hi there")
    await die(world, stream)
    world.model.script.clear()
    world.settings["single_process"] = False
    await world.start()
    world.clock.advance(timedelta(seconds=31))
    query = world.store.query

    async def failing(wanted):
        if wanted.collection == "agent_frames":
            raise Unavailable("the store is away")
        return await query(wanted)

    world.store.query = failing
    await world.app.state.sweep.run()
    world.store.query = query
    await world.app.state.sweep.run()
    assert reply_of(await all_frames(world)) == world.model.otherwise
    assert (await world.customer.say("and now?"))["reply"] == world.model.otherwise


async def test_a_token_means_the_same_to_the_process_that_takes_up(world):
    world.box.extra["get_event_info"] = {"phone": "call +1 212-555-0142"}
    world.model.call("get_event_info", event_id=world.event_id)
    stream = await cut_off(world, "the phones of the venue and of the promoter?")
    await until_stored(world, "TOOL_CALL_RESULT")
    await die(world, stream)
    world.model.script.clear()
    world.box.extra["search_events"] = {"promoter": "call (212) 664-7665"}
    world.model.call("search_events", query="Hamlet")

    async def answer(request):
        return Completion("The venue is at <PHONE_1>, the promoter at <PHONE_2>.")

    world.model.script.append(answer)
    await world.start()
    assert reply_of(await all_frames(world)) == "The venue is at +1 212-555-0142, the promoter at (212) 664-7665."


async def test_a_refusal_is_said_once(world):
    await world.offer()
    before = (await world.store.get("agent_conversations", "c1"))["last_frame"]
    world.box.break_next("create_order", Conflict("the price has changed", code="price_changed"))
    stream = await cut_off(world, "yes")

    async def told():
        found = [f async for _, f in world.app.state.turns._frames.read("c1", before)]
        return any(f["type"] == "TEXT_MESSAGE_END" for f in found)

    await world.until(told)
    await die(world, stream)
    world.model.script.clear()
    world.model.say("Shall I look for other seats?")
    await world.start()
    async with world.customer.events(before) as response:
        frames = await world.read_frames(response)
    refusal, question = texts_of(frames)
    assert question.strip() == "Shall I look for other seats?"
    assert reply_of(frames) == f"{refusal}\n\n{question.strip()}"


@pytest.mark.parametrize("stored", [False, True])
async def test_a_stream_goes_on_after_a_failed_write(world, stored):
    """Whether or not the write that failed was made all the same."""
    create, failed = world.store.create, []

    async def failing(collection, id, document):
        if collection == "agent_frames" and not failed:
            failed.append(id)
            if stored:
                await create(collection, id, document)
            raise Unavailable("the store is away")
        await create(collection, id, document)

    world.store.create = failing
    heard, ready = asyncio.Event(), asyncio.Event()

    async def hold(request):
        heard.set()
        await ready.wait()
        return Completion("Held.")

    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12"])
    world.model.script.append(hold)
    seen = []
    stream = asyncio.create_task(streamed(world, "hold one", into=seen))
    await heard.wait()

    async def shown():
        return any(f["type"] == "TOOL_CALL_RESULT" for _, f in seen)

    await world.until(shown)
    ready.set()
    frames = await asyncio.wait_for(stream, 20)
    assert failed
    assert reply_of(frames) == "Held."
    assert [number for number, _ in frames] == list(range(1, len(frames) + 1))
    assert frames == await all_frames(world)


async def test_no_seat_is_held_that_could_not_be_written_down(world):
    create = world.store.create

    async def failing(collection, id, document):
        if collection == "agent_frames":
            raise Unavailable("the store is away")
        await create(collection, id, document)

    world.store.create = failing
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12"])
    world.model.say("That did not work.")
    frames = await streamed(world, "hold one")
    assert not world.box.holds
    assert reply_of(frames) == "That did not work."
