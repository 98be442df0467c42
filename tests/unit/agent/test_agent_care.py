"""Distress, abuse and personal data through the whole agent."""

from __future__ import annotations

import json

import pytest

from usher_shared.documents import Query

EMAIL = "jo.doe@example.com"
PHONE = "+1 415 555 2671"


async def stored(world):
    """All that the agent has stored, by collection."""
    collections = ("agent_conversations", "agent_turns", "agent_frames", "agent_proposals", "outbox")
    return {name: [d.data for d in (await world.store.query(Query(name))).documents] for name in collections}


async def test_a_life_in_danger_comes_before_any_model_and_any_sale(world):
    await world.offer()
    asked = len(world.model.requests)
    body = await world.customer.say("yes, buy them, then I'm going to kill myself")
    assert "988" in body["reply"]
    assert "116 123" in body["reply"]
    assert body["confirmation"] is None
    assert "Shall I buy" not in body["reply"]
    assert len(world.model.requests) == asked
    assert not world.box.orders
    # nor is a later yes one to what was withdrawn
    await world.customer.say("yes")
    assert not world.box.orders


async def test_the_lines_are_the_operators(make_world):
    world = await make_world(crisis_lines="call 0800 123", emergency_number="110")
    reply = (await world.customer.say("I want to die"))["reply"]
    assert "0800 123" in reply
    assert "110" in reply


async def test_abuse_gets_a_calm_answer_and_a_limit(world):
    first = (await world.customer.say("you are an idiot"))["reply"]
    second = (await world.customer.say("fuck you"))["reply"]
    assert first != second
    assert "person" in first
    assert not world.model.requests
    await world.customer.say("sorry. two tickets please")
    assert len(world.model.requests) == 1


async def test_abuse_takes_no_offer_away(world):
    await world.offer()
    body = await world.customer.say("fuck you")
    assert body["confirmation"]
    assert body["reply"].count("?") == 1  # a yes means one thing
    assert not world.box.orders


async def test_the_model_sees_tokens_the_tools_and_the_customer_the_data(world):
    world.model.call("open_support_ticket", subject="Call me", details="Please write to <EMAIL_1>")
    world.box.extra["open_support_ticket"] = {"ticket_id": "SUP_1"}
    world.box._open_support_ticket = lambda arguments, caller, _: {"ticket_id": "SUP_1"}
    world.model.say("I passed on <EMAIL_1> and <PHONE_1>.")
    body = await world.customer.say(f"a person should write to {EMAIL} or call {PHONE}")
    assert body["reply"].startswith(f"I passed on {EMAIL} and {PHONE}.")
    seen = json.dumps([request.messages for request in world.model.requests])
    assert EMAIL not in seen
    assert PHONE not in seen
    assert "<EMAIL_1>" in seen
    documents = await stored(world)
    assert EMAIL not in json.dumps(documents["agent_turns"])
    assert EMAIL not in json.dumps([event.data for event in world.bus.events], default=str)
    assert documents["agent_conversations"][0]["personal"] == {"<EMAIL_1>": EMAIL, "<PHONE_1>": PHONE}
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert EMAIL in view["messages"][0]["text"]
    assert PHONE in view["messages"][1]["text"]


async def test_tokens_stay_the_same_over_turns_and_restarts(world):
    await world.customer.say(f"I am {EMAIL}")
    await world.restart()
    await world.customer.say(f"and sue@example.com, not {EMAIL.upper()}")
    assert world.model.requests[-1].messages[-1]["content"] == "and <EMAIL_2>, not <EMAIL_1>"


async def test_data_in_tool_answers_is_hidden_and_said_to_the_customer(world):
    world.box.extra["get_event_info"] = {"contact": f"Call {PHONE} or write to {EMAIL}."}
    world.model.call("get_event_info", event_id="E")
    world.model.say("Call <PHONE_1>.")
    assert (await world.customer.say("whom can I call?"))["reply"] == f"Call {PHONE}."
    assert PHONE not in json.dumps(world.model.requests[-1].messages)


async def test_streamed_tokens_are_shown_as_what_they_stand_for(world):
    world.model.say("I have <EMAIL_1> here. Is it right?")
    async with world.customer.stream(f"I am {EMAIL}") as response:
        frames = await world.read_frames(response)
    text = "".join(f["delta"] for _, f in frames if f["type"] == "TEXT_MESSAGE_CONTENT")
    assert f"I have {EMAIL} here." in text


async def test_erasing_removes_the_vault(world):
    await world.customer.say(f"I am {EMAIL}")
    await world.customer.request("DELETE", "/conversations/c1")
    assert EMAIL not in json.dumps(await stored(world))


CARD = "4242 4242 4242 4242"


@pytest.mark.parametrize("card", [CARD, "4242-4242-4242-4242", "4242424242424242", "3782 822463 10005"])
async def test_a_card_number_is_on_no_path(world, card, caplog):
    caplog.set_level("DEBUG")
    half = len(card) // 2
    world.model.calls(("search_events", {"query": f"pay with {card}"}))
    world.box.extra["search_events"] = {"note": f"card on file {card}"}
    world.model.say(f"Your card {card[:half]}{card[half:]} is fine. Shall we go on?")
    async with world.customer.stream(f"use {card} please") as response:
        frames = await world.read_frames(response)
    status, _ = await world.customer.turn("hi", metadata={"payment_method_token": card})
    assert status == 422
    await world.customer.turn("hi", metadata={"note": f"my card is {card}"})
    digits = "".join(filter(str.isdigit, card))

    def has(value):
        text = json.dumps(value, default=str)
        return card in text or digits in text

    assert not has(frames)
    assert not has(await stored(world))
    assert not has([request.messages for request in world.model.requests])
    assert not has([call.arguments for call in world.box.calls])
    assert not has([event.data for event in world.bus.events])
    assert not has(caplog.text)


async def test_control_a_card_would_be_seen_if_it_were_there(world):
    await world.customer.say("use 4242 4242 4242 4241 please")  # no card: its check digit is wrong
    assert "4242 4242 4242 4241" in json.dumps(await stored(world))
