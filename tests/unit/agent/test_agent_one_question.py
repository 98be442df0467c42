"""A yes means one thing: no open offer beside another question, and an offer in place of another says so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest


@pytest.mark.parametrize(
    "asked",
    ["I see no order for that. Do you mean the other one?", "Which of your orders is it? I see two.", "Shall I look?"],
)
async def test_an_offer_is_taken_back_where_something_else_is_asked(world: Any, asked: str) -> None:
    await world.offer()
    world.model.say(asked)
    body = await world.customer.say("the other ones")
    assert body["confirmation"] is None
    assert "taken my offer back" in body["reply"]
    assert "(yes / no)" not in body["reply"]

    await world.customer.say("yes")
    assert not world.box.orders
    notes = [m["content"] for m in world.model.requests[-1].messages if m["role"] == "system"]
    assert any("was taken back" in note for note in notes)


@pytest.mark.parametrize(
    "said", ["Parking is $30.", "It starts at eight. Would you like to go ahead?", "Done. Anything else I can do?"]
)
async def test_an_offer_stays_open_beside_an_answer(world: Any, said: str) -> None:
    await world.offer()
    world.model.say(said)
    body = await world.customer.say("is there parking?")
    assert body["confirmation"] is not None
    assert "Still open" in body["reply"]
    await world.customer.say("yes")
    assert len(world.box.orders) == 1


async def test_an_offer_in_place_of_another_says_so(world: Any) -> None:
    first = await world.offer()
    caller = SimpleNamespace(client_id="web", customer_id="cust-1", conversation_id="c1")
    wanted = {"event_id": world.event_id, "seat_ids": ["A-5-14"], "expires_in_seconds": 300}
    other = await world.box.run("hold_tickets", wanted, caller)
    world.model.call("create_order", hold_id=other["hold_id"])
    body = await world.customer.say("buy the single seat that I hold")
    assert body["confirmation"]["id"] != first["id"]
    assert body["reply"].startswith("This takes the place of my offer before")
    assert body["reply"].count("(yes / no)") == 1
