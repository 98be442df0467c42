"""Who may see a conversation, how it ends, what is left of it."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from usher_shared.contracts.chat import ConversationView
from usher_shared.contracts.recollection import read_note
from usher_shared.documents import Query
from usher_shared.documents.collections import load_collections


async def test_a_conversation_reads_as_it_was_said(world):
    world.model.say("Hello there.")
    said = await world.customer.say("hi")
    status, view = await world.customer.request("GET", "/conversations/c1")
    assert status == 200
    ConversationView.model_validate(view)
    assert [(m["role"], m["text"]) for m in view["messages"]] == [("user", "hi"), ("assistant", "Hello there.")]
    assert view["messages"][1]["message_id"] == said["message_id"]
    assert view["status"] == "open"


async def test_without_an_id_a_new_conversation_begins(world):
    _, body = await world.customer.request("POST", "/turns", {"message": "hi"})
    assert body["conversation_id"].startswith("CONV_")


async def test_another_customers_conversation_is_not_found(world):
    await world.customer.say("hi")
    other = world.other()
    for method, path, body in [
        ("POST", "/turns", {"message": "hi", "conversation_id": "c1"}),
        ("GET", "/conversations/c1", None),
        ("GET", "/conversations/c1/events", None),
        ("POST", "/conversations/c1/end", None),
        ("POST", "/conversations/c1/cancel", None),
        ("DELETE", "/conversations/c1", None),
    ]:
        status, problem = await other.request(method, path, body)
        assert (status, problem["code"]) == (404, "not_found"), path


async def test_only_the_gateway_and_the_command_line_may_call(world):
    status, _ = await world.other("cust-1", caller="tools").turn("hi")
    assert status == 403
    async with world.session.post(world.base_url + "/turns", json={"message": "hi"}) as response:
        assert response.status == 401
    status, problem = await world.other("").turn("hi")
    assert (status, problem["code"]) == (400, "no_principal")


@pytest.mark.parametrize("message", ["", "  \n\t "])
async def test_an_empty_message_is_refused(world, message):
    status, _ = await world.customer.turn(message)
    assert status == 422
    assert (await world.customer.request("GET", "/conversations/c1"))[0] == 404


async def test_a_busy_conversation_is_not_ended(world):
    world.model.gate = asyncio.Event()
    first = asyncio.create_task(world.customer.turn("one"))
    await world.model.asked.wait()
    assert (await world.customer.request("POST", "/conversations/c1/end"))[0] == 409
    world.model.gate.set()
    assert (await first)[0] == 200
    assert (await world.customer.turn("two"))[0] == 200


async def test_ending_completes_once_and_gives_seats_back(world):
    await world.offer()
    assert len(world.box.holds) == 1
    for _ in range(2):
        status, body = await world.customer.request("POST", "/conversations/c1/end")
        assert (status, body["status"]) == (200, "ended")
    assert not world.box.holds
    (completed,) = await world.events("conversation_completed")
    assert completed.data["outcome"] == "abandoned"
    assert completed.data["reason"] == "ended"
    assert completed.data["success"] is False
    status, problem = await world.customer.turn("yes")
    assert (status, problem["code"]) == (409, "conversation_ended")


async def test_an_ended_conversations_confirmation_is_void(world):
    confirmation = await world.offer()
    await world.customer.request("POST", "/conversations/c1/end")
    status, _ = await world.customer.decide(confirmation["id"], "approve")
    assert status == 409
    assert not world.box.orders


async def test_a_purchase_is_the_outcome(world):
    await world.offer()
    await world.customer.say("yes")
    await world.customer.request("POST", "/conversations/c1/end")
    (completed,) = await world.events("conversation_completed")
    assert completed.data["outcome"] == "purchased"
    assert completed.data["order_ids"] == list(world.box.orders)
    assert completed.data["turns"] == 2
    assert len(await world.events("chat_turn_completed")) == 2


async def test_silence_completes_a_conversation_once(make_world):
    world = await make_world(idle_seconds=600.0)
    await world.customer.say("hi")
    await world.app.state.sweep.run()
    assert not await world.events("conversation_completed")
    world.clock.advance(timedelta(seconds=601))
    await asyncio.gather(world.app.state.sweep.run(), world.app.state.sweep.run())
    (completed,) = await world.events("conversation_completed")
    assert completed.data["reason"] == "idle"
    assert completed.data["outcome"] == "answered"


async def everything(world):
    """All that the agent has stored and announced, as text."""
    documents = []
    for name, collection in load_collections().items():
        if "agent" in collection.databases:
            documents += [document.data for document in (await world.store.query(Query(name))).documents]
    return json.dumps([*documents, *(event.data for event in world.bus.events)], default=str)


async def test_erasing_leaves_no_text_and_no_way_back(world):
    confirmation = await world.offer(message="two tickets for my friend Hedwig")
    await world.customer.say("yes")
    for _ in range(2):
        status, body = await world.customer.request("DELETE", "/conversations/c1")
        assert (status, body["status"]) == (200, "erased")
    left = await everything(world)
    assert "Hedwig" not in left
    assert confirmation["id"] in left
    assert len(await world.events("conversation_completed")) == 1
    assert (await world.customer.request("GET", "/conversations/c1"))[0] == 410
    assert (await world.customer.turn("hi"))[0] == 410
    assert (await world.other().turn("hi"))[0] == 404


async def test_what_is_said_of_a_refund_is_erased_too(world):
    """The reason goes to the box office, which keeps it with the order: without personal data, however it is told."""
    email, home = "hedwig@example.com", "12 Elm Street, Springfield"
    world.model.call("refund_order", order_id="ORD_1", reason=f"write to <EMAIL_1> or <ADDRESS_1>, not {email}")
    offered = await world.customer.say(f"refund ORD_1; I am {email}, my address is {home}")
    world.model.call("open_support_ticket", subject="<EMAIL_1>", details="send it to <ADDRESS_1>")
    await world.customer.say("and let a person call me")
    asked = {"action": "refund_order", "arguments": {"order_id": "ORD_2", "reason": f"I am {email}"}}
    status, other = await world.customer.request("POST", "/proposals", asked)
    assert status == 200
    sent = json.dumps([call.arguments for call in world.box.calls])
    assert "write to [email] or [address], not [email]" in sent
    assert "send it to [address]" in sent
    await world.customer.request("DELETE", "/conversations/c1")
    await world.customer.request("DELETE", f"/conversations/{other['conversation_id']}")
    proposals = {d.id: d.data for d in (await world.store.query(Query("agent_proposals"))).documents}
    assert proposals[offered["confirmation"]["id"]]["arguments"] == {"order_id": "ORD_1"}
    assert proposals[other["confirmation"]["id"]]["arguments"] == {"order_id": "ORD_2"}
    left = await everything(world)
    for said in (email, "Elm Street", "write to"):
        assert said not in left
    assert email not in sent
    assert "Elm Street" not in sent


async def interrupted_with_another_in_line(world):
    """A turn whose process died, and a message that waited behind it; nobody can see the end of either."""
    world.model.gate = asyncio.Event()
    turns = [asyncio.create_task(world.customer.turn("Hedwig is one"))]
    await world.model.asked.wait()
    turns.append(asyncio.create_task(world.customer.turn("Hedwig is two")))

    async def waiting():
        return bool((await world.store.get("agent_conversations", "c1"))["line"])

    await world.until(waiting)
    left = await world.store.get("agent_conversations", "c1")
    await world.kill()
    await asyncio.gather(*turns, return_exceptions=True)
    world.model.gate = None
    await world.start()
    await world.store.set("agent_conversations", "c1", {**left, "run": {**left["run"], "until": left["started_at"]}})


async def test_what_was_never_answered_is_erased_too(world):
    await interrupted_with_another_in_line(world)
    assert "Hedwig" in await everything(world)
    assert (await world.customer.request("DELETE", "/conversations/c1"))[0] == 200
    left = await world.store.get("agent_conversations", "c1")
    assert (left["run"], left["line"]) == (None, [])
    assert "Hedwig" not in await everything(world)


@pytest.mark.parametrize("ending", ["end", "idle", "next"])
async def test_the_raw_message_goes_with_its_turn(world, ending):
    await interrupted_with_another_in_line(world)
    if ending == "end":
        await world.customer.request("POST", "/conversations/c1/end")
    elif ending == "idle":
        world.clock.advance(timedelta(days=1))
        await world.app.state.sweep.run()
    else:
        world.clock.advance(timedelta(seconds=11))  # longer than the dead keep their place
        await world.customer.say("are you there?")
    assert "Hedwig" not in json.dumps(await world.store.get("agent_conversations", "c1"))


@pytest.mark.parametrize("ending", ["end", "erase", "idle"])
async def test_a_conversation_that_is_over_is_forgotten(world, ending):
    world.model.say("You want 2 tickets.")
    await world.customer.say("2 tickets")
    turns, conversations = world.app.state.turns, world.app.state.conversations
    remembered = [turns._work._grounds._known, conversations._history._known]
    assert all("c1" in known for known in remembered)
    if ending == "end":
        await world.customer.request("POST", "/conversations/c1/end")
    elif ending == "erase":
        await world.customer.request("DELETE", "/conversations/c1")
    else:
        world.clock.advance(timedelta(days=1))
        await world.app.state.sweep.run()
    assert not any("c1" in known for known in remembered)


async def test_cancel_stops_a_turn_and_the_conversation_goes_on(world):
    world.model.gate = asyncio.Event()
    turn = asyncio.create_task(world.customer.say("think hard"))
    await world.model.asked.wait()
    status, body = await world.customer.request("POST", "/conversations/c1/cancel")
    assert (status, body["status"]) == (200, "cancelled")
    assert "Stopped" in (await turn)["reply"]
    world.model.gate = None
    assert (await world.customer.say("hello"))["reply"] == world.model.otherwise
    first, _ = await world.events("chat_turn_completed")
    assert first.data["status"] == "cancelled"
    _, body = await world.customer.request("POST", "/conversations/c1/cancel")
    assert body["status"] == "open"


async def test_cancel_never_abandons_a_charge(world):
    await world.offer()
    world.box.gates["create_order"] = asyncio.Event()
    world.box.entered.clear()
    asked = len(world.model.requests)
    turn = asyncio.create_task(world.customer.say("yes"))
    await world.box.entered.wait()
    await world.customer.request("POST", "/conversations/c1/cancel")
    world.box.gates["create_order"].set()
    body = await turn
    (order_id,) = world.box.orders
    assert order_id in body["reply"]
    assert len(world.model.requests) == asked


async def test_cancel_during_a_hold_still_learns_of_it(world):
    world.model.call("hold_tickets", event_id="E", seat_ids=["A-5-1"])
    world.box.gates["hold_tickets"] = asyncio.Event()
    turn = asyncio.create_task(world.customer.say("hold one"))
    await world.box.entered.wait()
    await world.customer.request("POST", "/conversations/c1/cancel")
    world.box.gates["hold_tickets"].set()
    assert (await turn)["tool_calls"][0]["status"] == "ok"
    await world.customer.say("go on")
    messages = world.model.requests[-1].messages
    calls = [call["id"] for m in messages for call in m.get("tool_calls", ())]
    assert calls == [m["tool_call_id"] for m in messages if m["role"] == "tool"]
    await world.customer.request("POST", "/conversations/c1/end")
    assert not world.box.holds


async def test_history_is_bounded_and_survives_a_restart(make_world):
    world = await make_world(context_tokens=8_500)
    for number in range(30):
        world.model.say(f"answer {number} " + "x" * 400)
        await world.customer.say(f"question {number}")
    summary, *before = world.model.requests[-1].messages[1:-1]
    assert read_note(summary["content"]).said[-1] not in [m["content"] for m in before]
    assert 2 <= len(before) <= 30
    assert before[-1]["content"].startswith("answer 28")
    await world.restart()
    await world.customer.say("question 30")
    texts = [m["content"] for m in world.model.requests[-1].messages]
    assert "question 29" in texts
    assert "question 3" not in texts
    assert read_note(texts[1]).said[0] == "question 0"


async def test_ready_names_what_is_missing_and_health_needs_nothing(world):
    async with world.session.get(world.base_url + "/ready") as response:
        assert response.status == 200
        assert set((await response.json())["checks"]) == {"store", "model", "tools", "bus"}


async def test_a_repeated_request_gets_the_first_answer_and_says_nothing_twice(world):
    await world.offer()
    body = {"message": "yes", "conversation_id": "c1"}
    key = {"Idempotency-Key": "the-same"}
    status, first = await world.customer.request("POST", "/turns", body, **key)
    assert status == 200
    status, again = await world.customer.request("POST", "/turns", body, **key)
    assert (status, again) == (200, first)
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert [m["text"] for m in view["messages"] if m["role"] == "user"].count("yes") == 1
    _, other = await world.customer.request("POST", "/turns", body, **{"Idempotency-Key": "another"})
    assert other["message_id"] != first["message_id"]
