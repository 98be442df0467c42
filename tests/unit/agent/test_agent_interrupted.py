"""A process that dies in the middle of a turn: its successor finishes it, and does and says nothing twice."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest
from ag_ui.core import Event
from pydantic import TypeAdapter

from usher_shared.errors import Unprocessable

OFFICIAL = TypeAdapter(Event)


def check(frames, run_id=None):
    """One gapless stream of one run, well nested, with one end; the ids of its calls that have a result."""
    assert [number for number, _ in frames] == list(range(1, len(frames) + 1))
    types = [frame["type"] for _, frame in frames]
    for _, frame in frames:
        OFFICIAL.validate_python(frame)
    assert types.count("RUN_STARTED") == types.count("RUN_FINISHED") == 1
    assert (types[0], types[-1]) == ("RUN_STARTED", "RUN_FINISHED")
    assert "RUN_ERROR" not in types
    assert frames[0][1]["runId"] == frames[-1][1]["runId"] == (run_id or frames[0][1]["runId"])
    open_text, started = None, set()
    for _, frame in frames:
        if frame["type"] == "TEXT_MESSAGE_START":
            assert open_text is None
            assert frame["messageId"] not in started
            open_text = frame["messageId"]
            started.add(open_text)
        elif frame["type"] == "TEXT_MESSAGE_CONTENT":
            assert frame["messageId"] == open_text
        elif frame["type"] == "TEXT_MESSAGE_END":
            assert frame["messageId"] == open_text
            open_text = None
    assert open_text is None
    steps = [(f["type"], f["stepName"]) for _, f in frames if f["type"].startswith("STEP_")]
    assert steps[::2] == [("STEP_STARTED", name) for _, name in steps[::2]]
    assert steps[1::2] == [("STEP_FINISHED", name) for _, name in steps[: len(steps) // 2 * 2 : 2]]
    results = [f["toolCallId"] for _, f in frames if f["type"] == "TOOL_CALL_RESULT"]
    assert len(results) == len(set(results))
    assert sorted(results) == sorted(f["toolCallId"] for _, f in frames if f["type"] == "TOOL_CALL_START")
    return results


def turn_of(frames):
    (value,) = [f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "turn"]
    return value


async def all_frames(world):
    async with world.customer.events() as response:
        return await world.read_frames(response)


async def cut_off(world, message, moment, *, key=None):
    """Stream a message and kill the process at that moment; the frames that were seen."""
    seen: list = []

    async def speak():
        headers = {"Accept": "text/event-stream", **({"Idempotency-Key": key} if key else {})}
        async with world.session.post(
            world.base_url + "/turns",
            json={"message": message, "conversation_id": "c1"},
            headers=await world.customer.headers(**headers),
        ) as response:
            await world.read_frames(response, into=seen)

    stream = asyncio.create_task(speak())
    await moment()
    await world.kill()
    stream.cancel()
    await asyncio.gather(stream, return_exceptions=True)
    return seen


async def frames_shown(world, wanted):
    async def stored():
        run = (await world.store.get("agent_conversations", "c1") or {}).get("run")
        if run is None:
            return False
        found = [f async for _, f in world.app.state.turns._frames.read("c1", 0)]
        return any(wanted(frame) for frame in found)

    await world.until(stored)


async def test_a_half_said_answer_is_closed_and_said_whole(world):
    stop = asyncio.Event()

    async def speaking(request, on_text):
        on_text("Let me tell you. Hamlet plays on ")
        await stop.wait()

    world.model.call("search_events", query="hamlet")
    world.model.speak(speaking)
    seen = await cut_off(world, "hamlet?", lambda: frames_shown(world, lambda f: f["type"] == "TEXT_MESSAGE_CONTENT"))
    world.model.script.clear()
    world.model.say("Hamlet plays on Friday.")
    await world.start()
    frames = await all_frames(world)
    check(frames)
    assert frames[: len(seen)] == seen
    turn = turn_of(frames)
    assert turn["reply"] == "Hamlet plays on Friday."
    texts = {}
    for _, frame in frames:
        if frame["type"] == "TEXT_MESSAGE_CONTENT":
            texts[frame["messageId"]] = texts.get(frame["messageId"], "") + frame["delta"]
    assert [text.strip() for text in texts.values()] == ["Let me tell you. Hamlet plays on", "Hamlet plays on Friday."]
    assert texts[turn["message_id"]].strip() == turn["reply"]
    assert len(world.box.named("search_events")) == 1
    assert [call["status"] for call in turn["tool_calls"]] == ["ok"]
    # the model saw the call and its answer again, and not what was half said
    roles = [m["role"] for m in world.model.requests[-1].messages[1:]]
    assert roles == ["user", "assistant", "tool"]
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert [m["text"] for m in view["messages"]] == ["hamlet?", "Hamlet plays on Friday."]
    (completed,) = await world.events("chat_turn_completed")
    assert completed.data["status"] == "ok"


@pytest.mark.parametrize("had_effect", [True, False])
async def test_a_call_whose_answer_was_lost_is_run_again_under_its_key(world, had_effect):
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12"])
    world.model.say("Held.")
    world.box.gates["hold_tickets"] = asyncio.Event()
    world.box.gate_after = had_effect
    await cut_off(world, "hold one", world.box.entered.wait)
    assert len(world.box.holds) == int(had_effect)
    world.box.gates.clear()
    world.box.gate_after = False
    await world.start()
    frames = await all_frames(world)
    check(frames)
    assert len(world.box.holds) == 1
    first, second = world.box.named("hold_tickets")
    assert first.key == second.key
    assert turn_of(frames)["reply"] == "Held."
    await world.customer.request("POST", "/conversations/c1/end")
    assert not world.box.holds  # the conversation knows of the hold


async def test_of_several_calls_only_the_unanswered_are_run(world):
    world.model.calls(
        ("hold_tickets", {"event_id": world.event_id, "seat_ids": ["A-5-12"]}),
        ("open_support_ticket", {"subject": "s", "details": "d"}),
        ("get_event_info", {"event_id": world.event_id}),
    )
    world.model.say("All done.")
    world.box.gates["open_support_ticket"] = asyncio.Event()
    await cut_off(world, "do it all", lambda: frames_shown(world, lambda f: f["type"] == "TOOL_CALL_RESULT"))
    world.box.gates.clear()
    await world.start()
    frames = await all_frames(world)
    assert check(frames) == ["call_1_1", "call_1_2", "call_1_3"]
    assert len(world.box.named("hold_tickets")) == 1
    assert len({call.key for call in world.box.named("open_support_ticket")}) == 1
    messages = world.model.requests[-1].messages
    assert [m["tool_call_id"] for m in messages if m["role"] == "tool"] == ["call_1_1", "call_1_2", "call_1_3"]


async def test_a_proposal_that_was_not_stored_is_put_anew_and_bought_once(world):
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12"])
    world.model.calls(
        ("create_order", {"hold_id": "HOLD_1"}),
        ("release_hold", {"hold_id": "HOLD_1"}),
        ("get_event_info", {"event_id": "A"}),
        ("get_event_info", {"event_id": "B"}),
    )
    world.box.gates["get_event_info"] = asyncio.Event()
    await cut_off(world, "buy one", lambda: frames_shown(world, lambda f: "confirmation_required" in str(f)))
    world.box.gates.clear()
    await world.start()
    frames = await all_frames(world)
    check(frames)
    confirmation = turn_of(frames)["confirmation"]
    assert frames[-1][1]["outcome"]["interrupts"][0]["id"] == confirmation["id"]
    assert len(world.box.holds) == 1
    assert not world.box.named("release_hold")
    await world.customer.say("yes")
    assert len(world.box.orders) == 1


@pytest.mark.parametrize("moment", ["before the charge", "after the charge", "while it is told"])
async def test_a_yes_is_carried_out_once(world, moment):
    await world.offer()
    before = (await world.store.get("agent_conversations", "c1"))["last_frame"]
    world.box.entered.clear()
    if moment == "while it is told":
        stop = asyncio.Event()

        async def telling(request, on_text):
            on_text("Very well. You have ")
            await stop.wait()

        world.model.speak(telling)

        async def told():
            await frames_shown(
                world, lambda f: f["type"] == "TEXT_MESSAGE_CONTENT" and f["delta"].startswith("Very well")
            )

        await cut_off(world, "yes", told)
        world.model.script.clear()
    else:
        world.box.gates["create_order"] = asyncio.Event()
        world.box.gate_after = moment == "after the charge"
        await cut_off(world, "yes", world.box.entered.wait)
        world.box.gates.clear()
        world.box.gate_after = False
    asked = len(world.box.named("create_order"))
    await world.start()
    async with world.customer.events(before) as response:
        frames = await world.read_frames(response)
    check([(number - before, frame) for number, frame in frames])
    (order,) = world.box.orders
    assert order in turn_of(frames)["reply"]
    assert world.box.charged_minor == 24_000
    assert len(world.box.named("create_order")) - asked == (0 if moment == "while it is told" else 1)
    assert len({call.key for call in world.box.named("create_order")}) == 1


async def test_messages_wait_for_the_interrupted_turn(world):
    world.model.gate = asyncio.Event()
    await cut_off(world, "one", world.model.asked.wait)
    world.model.gate = None
    world.model.say("first answer")
    world.model.say("second answer")
    await world.start()
    body = await world.customer.say("two")
    assert body["reply"] == "second answer"
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert [m["text"] for m in view["messages"]] == ["one", "first answer", "two", "second answer"]


async def test_another_process_takes_a_turn_up_when_the_lease_ends(make_world):
    first = await make_world(single_process=False)
    first.model.gate = asyncio.Event()
    seen = await cut_off(first, "one", first.model.asked.wait)
    second = await make_world(single_process=False)
    second.model.say("here I am")
    await second.app.state.sweep.run()
    assert not second.model.requests  # the lease counts
    async with second.customer.stream("two") as response:
        assert response.status == 409
    second.clock.advance(timedelta(seconds=31))
    follower = asyncio.create_task(all_frames(second))
    await second.app.state.sweep.run()
    frames = await follower
    check(frames)
    assert frames[: len(seen)] == seen
    assert turn_of(frames)["reply"] == "here I am"
    await first.start()


async def test_a_keyed_turn_is_finished_once_for_its_retry(world):
    keyed = {"Idempotency-Key": "k"}
    body = {"message": "hold one", "conversation_id": "c1"}
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12"])
    world.box.gates["hold_tickets"] = asyncio.Event()
    world.box.gate_after = True
    lost = asyncio.create_task(world.customer.request("POST", "/turns", body, **keyed))
    await world.box.entered.wait()
    await world.kill()
    await asyncio.gather(lost, return_exceptions=True)
    world.box.gates.clear()
    world.box.gate_after = False
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12"])  # sampled again
    world.model.say("Held.")
    await world.start()
    answers = await asyncio.gather(*(world.other("cust-1").request("POST", "/turns", body, **keyed) for _ in range(3)))
    assert [(status, answer["reply"]) for status, answer in answers] == [(200, "Held.")] * 3
    assert len({answer["message_id"] for _, answer in answers}) == 1
    assert len(world.box.holds) == 1
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert [m["text"] for m in view["messages"]] == ["hold one", "Held."]


async def test_a_call_sampled_otherwise_the_second_time_is_a_call_of_its_own(world):
    """The box office refuses a key that comes again with another body."""
    keyed = {"Idempotency-Key": "k"}
    body = {"message": "hold one", "conversation_id": "c1"}
    bodies: dict[str, str] = {}
    plain = world.box._hold_tickets

    def strict(arguments, caller, confirmation):
        return plain(arguments, caller, confirmation)

    run = world.box.run

    async def keeping(tool, arguments, caller, *, idempotency_key=None, **more):
        said = json.dumps(dict(arguments), sort_keys=True)
        if tool == "hold_tickets" and bodies.setdefault(idempotency_key, said) != said:
            raise Unprocessable("this Idempotency-Key was used with another body", code="idempotency_key_reused")
        return await run(tool, arguments, caller, idempotency_key=idempotency_key, **more)

    world.box.run = keeping
    world.box._hold_tickets = strict
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12"])
    world.box.gates["hold_tickets"] = asyncio.Event()
    lost = asyncio.create_task(world.customer.request("POST", "/turns", body, **keyed))
    await world.box.entered.wait()
    await world.kill()
    await asyncio.gather(lost, return_exceptions=True)
    world.box.gates.clear()
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-14"])
    world.model.say("Held.")
    await world.start()
    _, answer = await world.customer.request("POST", "/turns", body, **keyed)
    assert [call["status"] for call in answer["tool_calls"]] == ["ok"]
    assert [hold["seats"] for hold in world.box.holds.values()] == [["A-5-14"]]


async def test_a_keyed_stream_is_shown_again_from_its_first_event(world):
    world.model.call("search_events", query="hamlet")
    world.model.say("Hamlet plays on Friday.")

    async def speak():
        async with world.session.post(
            world.base_url + "/turns",
            json={"message": "hamlet?", "conversation_id": "c1"},
            headers=await world.customer.headers(**{"Accept": "text/event-stream", "Idempotency-Key": "k"}),
        ) as response:
            return await world.read_frames(response)

    first = await speak()
    check(first)
    await world.customer.say("and now?")
    assert await speak() == first
    await world.restart()
    assert await speak() == first
    assert len(world.box.named("search_events")) == 1


async def test_a_keyed_stream_is_joined_while_it_runs_and_after_a_kill(world):
    world.model.gate = asyncio.Event()
    seen = await cut_off(world, "one", world.model.asked.wait, key="k")
    world.model.gate = None
    world.model.say("the only answer")
    await world.start()

    async def speak():
        async with world.session.post(
            world.base_url + "/turns",
            json={"message": "one", "conversation_id": "c1"},
            headers=await world.customer.headers(**{"Accept": "text/event-stream", "Idempotency-Key": "k"}),
        ) as response:
            return await world.read_frames(response)

    frames, again = await asyncio.gather(speak(), speak())
    check(frames)
    assert frames == again
    assert frames[: len(seen)] == seen
    assert turn_of(frames)["reply"] == "the only answer"
    assert len([r for r in world.model.requests if r.messages[-1]["content"] == "one"]) == 2  # cut off, and finished


async def test_a_turn_that_kills_every_process_ends(world):
    for _ in range(4):
        world.model.gate = asyncio.Event()
        world.model.asked.clear()
        if not world.model.requests:
            await cut_off(world, "one", world.model.asked.wait)
        else:
            await asyncio.wait({asyncio.create_task(world.model.asked.wait())}, timeout=5)
            await world.kill()
        await world.start()
    world.model.gate = None
    frames = await all_frames(world)
    assert [number for number, _ in frames] == list(range(1, len(frames) + 1))
    assert frames[-1][1]["type"] == "RUN_ERROR"
    assert (await world.customer.say("two"))["reply"] == world.model.otherwise
    assert len(world.model.requests) == 5


async def test_a_turn_that_nobody_can_see_the_end_of_is_written_down(world):
    world.model.gate = asyncio.Event()
    lost = asyncio.create_task(world.customer.turn("one"))
    await world.model.asked.wait()
    await world.kill()
    await asyncio.gather(lost, return_exceptions=True)
    world.model.gate = None
    await world.start()
    await world.customer.say("two")
    noted = [m["content"] for m in world.model.requests[-1].messages if m["role"] == "system"][-1]
    assert "interrupted" in noted


async def test_a_cancelled_turn_that_was_taken_up_stops(world):
    world.model.gate = asyncio.Event()
    await cut_off(world, "one", world.model.asked.wait)
    world.model.asked.clear()
    await world.start()
    await world.model.asked.wait()
    await world.customer.request("POST", "/conversations/c1/cancel")
    frames = await all_frames(world)
    check(frames)
    assert frames[-1][1]["outcome"] == {"type": "cancelled"}
