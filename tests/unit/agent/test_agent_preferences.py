"""Preferences across conversations: kept only after a yes, shown and forgotten on request, used openly."""

from __future__ import annotations

import json

import pytest

from usher_shared.contracts.preferences import ConsentView, read_preferences
from usher_shared.documents import Query

LIKES = {"section": "Balcony", "aisle": True, "party_size": 2}


async def customers(world):
    return [document.data for document in (await world.store.query(Query("agent_customers"))).documents]


async def ask(world, conversation="c1"):
    world.model.call("preferences", action="remember", values=LIKES)
    world.model.say("Noted.")
    return await world.customer.say("I always like the balcony, on the aisle", conversation)


def note_of(world):
    notes = [read_preferences(str(m["content"])) for m in world.model.requests[-1].messages if m["role"] == "system"]
    return next((known.named() for known in notes if known is not None), None)


async def test_nothing_is_kept_before_a_yes(world):
    body = await ask(world)
    assert "Shall I remember this" in body["reply"]
    assert "section Balcony, seats on the aisle, usually 2 tickets" in body["reply"]
    assert not await customers(world)
    await world.customer.say("yes please")
    (kept,) = await customers(world)
    assert (kept["preferences"], kept["training"], kept["remembered"]) == (True, False, LIKES)
    assert note_of(world) == LIKES
    await world.customer.say("hello", "c2")
    assert note_of(world) == LIKES
    assert "say so whenever" in str(world.model.requests[-1].messages)
    await world.other().say("hello", "c3")
    assert note_of(world) is None


@pytest.mark.parametrize("answer", ["no", "what for?", "2 tickets for Hamlet"])
async def test_anything_but_a_yes_keeps_nothing(world, answer):
    await ask(world)
    await world.customer.say(answer)
    await world.customer.say("yes")  # too late: it answers something else
    assert not await customers(world)


async def test_a_yes_means_one_thing(world):
    """While a purchase is proposed nothing else is asked; its yes buys and keeps nothing."""
    await world.offer()
    body = await ask(world)
    assert "Shall I remember" not in body["reply"]
    assert body["confirmation"]
    await world.customer.say("yes")
    assert len(world.box.orders) == 1
    assert not await customers(world)


async def test_with_consent_it_is_kept_at_once(world):
    status, view = await world.customer.request("PUT", "/privacy/consent", {"preferences": True})
    assert (status, ConsentView.model_validate(view).preferences) == (200, True)
    body = await ask(world)
    assert "Shall I remember" not in body["reply"]
    assert (await customers(world))[0]["remembered"] == LIKES
    await world.customer.say("go on")
    assert note_of(world) == LIKES


async def test_it_is_shown_and_forgotten_on_request(world):
    await ask(world)
    await world.customer.say("yes")
    world.model.call("preferences", action="show")
    await world.customer.say("what do you know about me?")
    told = json.loads(next(m for m in reversed(world.model.requests[-1].messages) if m["role"] == "tool")["content"])
    assert told == {"consent": True, "remembered": LIKES}
    world.model.call("preferences", action="forget")
    await world.customer.say("forget my preferences")
    (kept,) = await customers(world)
    assert (kept["remembered"], kept["sources"]) == ({}, {})
    await world.customer.say("hello")
    assert note_of(world) is None


async def test_a_withdrawn_consent_takes_effect_in_a_running_conversation(world):
    await ask(world)
    await world.customer.say("yes")
    _, view = await world.customer.request("PUT", "/privacy/consent", {"preferences": False, "training": True})
    assert ConsentView.model_validate(view).training
    assert not ConsentView.model_validate(view).remembered.named()
    await world.customer.say("hello")
    assert note_of(world) is None


async def test_erasing_a_conversation_forgets_what_was_learnt_there(world):
    await ask(world)
    await world.customer.say("yes")
    await world.customer.request("PUT", "/privacy/consent", {"preferences": True})
    world.model.call("preferences", action="remember", values={"city": "Chicago"})
    await world.customer.say("I live in Chicago", "c2")
    await world.customer.request("DELETE", "/conversations/c1")
    assert (await customers(world))[0]["remembered"] == {"city": "Chicago"}
    status, view = await world.customer.request("DELETE", "/privacy/preferences")
    assert (status, view["preferences"], view["remembered"]["city"]) == (200, True, None)


async def test_what_is_none_of_the_preferences_is_refused(world):
    world.model.call("preferences", action="remember", values={"religion": "none"})
    await world.customer.say("remember this")
    assert not await customers(world)
    status, _ = await world.customer.request("PUT", "/privacy/consent", {"marketing": True})
    assert status == 422
