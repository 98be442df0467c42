"""Messages that come while another is answered: in order, never interleaved, never a yes to what was not seen."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

from usher_agent.conversations.model import Conversation, Place
from usher_agent.models.ports import Completion, RequestedCall
from usher_shared.clock import to_timestamp


def completion(*calls):
    return Completion("", [RequestedCall(name, json.dumps(arguments)) for name, arguments in calls], model="scripted")


async def conversation_of(world, id="c1"):
    return Conversation.from_document(await world.store.get("agent_conversations", id))


async def until_waiting(world, count):
    async def wait():
        return len((await conversation_of(world)).line) == count

    await world.until(wait)


async def said(world):
    _, view = await world.customer.request("GET", "/conversations/c1")
    return [(m["role"], m["text"]) for m in view["messages"]]


async def test_a_burst_is_answered_in_the_order_it_came(world):
    world.model.gate = asyncio.Event()
    for number in range(5):
        world.model.say(f"answer {number}")
    turns = []
    for number in range(5):
        turns.append(asyncio.create_task(world.customer.turn(f"message {number}")))
        if number:
            await until_waiting(world, number)
        else:
            await world.model.asked.wait()
    world.model.gate.set()
    answers = await asyncio.gather(*turns)
    assert [(status, body["reply"]) for status, body in answers] == [(200, f"answer {n}") for n in range(5)]
    expected = [pair for n in range(5) for pair in (("user", f"message {n}"), ("assistant", f"answer {n}"))]
    assert await said(world) == expected
    # each was put to the model with the whole exchange before it
    assert [m["content"] for m in world.model.requests[-1].messages[1:]] == [text for _, text in expected[:-1]]
    assert not (await conversation_of(world)).line


async def test_two_processes_keep_the_order(make_world):
    first = await make_world(single_process=False)
    second = await make_world(single_process=False)
    first.model.gate = asyncio.Event()
    one = asyncio.create_task(first.customer.turn("one"))
    await first.model.asked.wait()
    two = asyncio.create_task(second.customer.turn("two"))
    await until_waiting(first, 1)
    three = asyncio.create_task(first.customer.turn("three"))
    await until_waiting(first, 2)
    four = asyncio.create_task(second.customer.turn("four"))
    await until_waiting(first, 3)
    first.model.gate.set()
    assert {status for status, _ in await asyncio.gather(one, two, three, four)} == {200}
    assert [text for role, text in await said(first) if role == "user"] == ["one", "two", "three", "four"]


async def test_a_newcomer_does_not_overtake_the_line(make_world):
    first = await make_world(single_process=False)
    second = await make_world(single_process=False)
    first.model.gate = asyncio.Event()
    one = asyncio.create_task(first.customer.turn("one"))
    await first.model.asked.wait()
    two = asyncio.create_task(second.customer.turn("two"))
    await until_waiting(first, 1)
    # two's process looks up only now and then; three comes right after the end of one, to the first process
    first.model.gate.set()
    await one
    three = asyncio.create_task(first.customer.turn("three"))
    await asyncio.gather(two, three)
    assert [text for role, text in await said(first) if role == "user"] == ["one", "two", "three"]


async def test_a_full_line_answers_429_and_a_long_wait_409(make_world):
    world = await make_world(queue_limit=1, queue_seconds=0.05)
    world.model.gate = asyncio.Event()
    one = asyncio.create_task(world.customer.turn("one"))
    await world.model.asked.wait()
    two = asyncio.create_task(world.customer.turn("two"))
    await until_waiting(world, 1)
    other = world.other("cust-1")
    status, problem = await other.turn("three")
    assert (status, problem["code"], other.last_headers["Retry-After"]) == (429, "conversation_queue_full", "2")
    status, problem = await two
    assert (status, problem["code"]) == (409, "conversation_busy")
    assert not (await conversation_of(world)).line
    world.model.gate.set()
    assert (await one)[0] == 200
    assert [text for role, text in await said(world) if role == "user"] == ["one"]


async def test_streams_are_refused_while_a_turn_runs_or_others_wait(world):
    world.model.gate = asyncio.Event()
    one = asyncio.create_task(world.customer.turn("one"))
    await world.model.asked.wait()
    async with world.customer.stream("two") as response:
        assert response.status == 409
        assert (await response.json())["code"] == "conversation_busy"
        assert response.headers["Retry-After"] == "1"
    world.model.gate.set()
    await one


async def test_a_yes_typed_before_the_proposal_was_seen_buys_nothing(world):
    gate = asyncio.Event()
    asked = asyncio.Event()
    world.model.call("check_inventory", event_id=world.event_id, quantity=2)

    async def hold(request):
        asked.set()
        await gate.wait()
        return completion(("hold_tickets", {"event_id": world.event_id, "seat_ids": ["A-5-12", "A-5-13"]}))

    async def buy(request):
        held = json.loads(next(m for m in reversed(request.messages) if m["role"] == "tool")["content"])
        return completion(("create_order", {"hold_id": held["hold_id"]}))

    world.model.script += [hold, buy]
    offer = asyncio.create_task(world.customer.turn("2 tickets for Hamlet"))
    await asked.wait()
    early = asyncio.create_task(world.customer.turn("yes"))
    await until_waiting(world, 1)
    gate.set()
    confirmation = (await offer)[1]["confirmation"]
    body = (await early)[1]
    assert not world.box.orders
    assert body["confirmation"]["id"] == confirmation["id"]  # put again, now that it was seen
    await world.customer.say("yes")
    assert len(world.box.orders) == 1


async def say_behind_a_question(world, message):
    """With an offer open, ask something and say this before the answer comes; status and body of what it got."""
    await world.offer()
    world.model.gate = asyncio.Event()
    world.model.asked.clear()
    question = asyncio.create_task(world.customer.turn("is there parking?"))
    await world.model.asked.wait()
    behind = asyncio.create_task(world.customer.turn(message))
    await until_waiting(world, 1)
    world.model.gate.set()
    await asyncio.gather(question, behind)
    return await behind


async def test_a_no_that_waited_still_declines(world):
    _, answer = await say_behind_a_question(world, "no")
    assert answer["confirmation"] is None
    await world.customer.say("yes")
    assert not world.box.orders


async def test_a_retry_joins_its_first_request(world):
    world.model.gate = asyncio.Event()
    keyed = {"Idempotency-Key": "again"}
    body = {"message": "one", "conversation_id": "c1"}
    first = asyncio.create_task(world.customer.request("POST", "/turns", body, **keyed))
    await world.model.asked.wait()
    retry = asyncio.create_task(world.other("cust-1").request("POST", "/turns", body, **keyed))
    waiting = {"message": "two", "conversation_id": "c1"}
    second = asyncio.create_task(world.customer.request("POST", "/turns", waiting, **{"Idempotency-Key": "second"}))
    await until_waiting(world, 1)
    repeated = world.other("cust-1").request("POST", "/turns", waiting, **{"Idempotency-Key": "second"})
    again = asyncio.create_task(repeated)
    await asyncio.sleep(0)  # the point is that it never gets a place, whenever it comes
    world.model.gate.set()
    assert await first == await retry
    assert await second == await again
    assert [text for role, text in await said(world) if role == "user"] == ["one", "two"]


async def test_cancel_withdraws_what_waits(world):
    world.model.gate = asyncio.Event()
    one = asyncio.create_task(world.customer.turn("one"))
    await world.model.asked.wait()
    two = asyncio.create_task(world.customer.turn("two"))
    await until_waiting(world, 1)
    _, body = await world.other("cust-1").request("POST", "/conversations/c1/cancel")
    assert body["status"] == "cancelled"
    assert "Stopped" in (await one)[1]["reply"]
    status, problem = await two
    assert (status, problem["code"]) == (409, "message_withdrawn")
    world.model.gate = None
    await world.customer.say("three")
    assert [text for role, text in await said(world) if role == "user"] == ["one", "three"]


async def test_a_message_that_is_cancelled_as_its_turn_comes_is_not_answered(world):
    world.model.gate = asyncio.Event()
    one = asyncio.create_task(world.customer.turn("one"))
    await world.model.asked.wait()
    two = asyncio.create_task(world.customer.turn("two"))
    await until_waiting(world, 1)
    looked, go_on, get = asyncio.Event(), asyncio.Event(), world.store.get

    async def held_back(collection, id):
        document = await get(collection, id)
        if collection == "agent_conversations" and document["run"] is None and not looked.is_set():
            looked.set()
            await go_on.wait()
        return document

    world.store.get = held_back
    world.model.gate.set()
    await one
    await looked.wait()
    await world.other("cust-1").request("POST", "/conversations/c1/cancel")
    go_on.set()
    status, problem = await two
    assert (status, problem["code"]) == (409, "message_withdrawn")
    assert [text for role, text in await said(world) if role == "user"] == ["one"]
    assert not world.app.state.turns._line._waiting


async def test_a_client_that_leaves_is_answered_all_the_same(world):
    world.model.gate = asyncio.Event()
    one = asyncio.create_task(world.customer.turn("one"))
    await world.model.asked.wait()
    two = asyncio.create_task(world.customer.turn("two"))
    await until_waiting(world, 1)
    for task in (one, two):  # the connections are closed
        task.cancel()
    await asyncio.gather(one, two, return_exceptions=True)
    world.model.gate.set()

    async def both_answered():
        return [role for role, _ in await said(world)] == ["user", "assistant"] * 2

    await world.until(both_answered)


async def test_the_place_of_a_dead_process_holds_nobody_up(make_world):
    first = await make_world(single_process=False)
    second = await make_world(single_process=False)
    first.model.gate = asyncio.Event()
    one = asyncio.create_task(first.customer.turn("one"))
    await first.model.asked.wait()
    conversation = await conversation_of(first)
    conversation.line = [Place("WAIT_of_the_dead", to_timestamp(first.clock.now() + timedelta(seconds=10)))]
    await first.store.set("agent_conversations", "c1", conversation.to_document())
    three = asyncio.create_task(second.customer.turn("three"))
    await until_waiting(first, 2)
    first.model.gate.set()
    await one
    for world in (first, second):
        world.clock.advance(timedelta(seconds=11))
    assert (await three)[0] == 200


async def test_a_yes_typed_too_early_is_told_so_to_the_model(world):
    await say_behind_a_question(world, "yes")
    assert not world.box.orders
    notes = [m["content"] for m in world.model.requests[-1].messages if m["role"] == "system"]
    assert any("was written before the proposal" in note for note in notes)
