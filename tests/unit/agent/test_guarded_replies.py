"""What a model makes up does not reach the customer: asked for again once, then withheld with what is known."""

from __future__ import annotations

import pytest

INVENTED = "These seats are $44.00 each."


def text_of(frames):
    return "".join(frame["delta"] for _, frame in frames if frame["type"] == "TEXT_MESSAGE_CONTENT")


def turn_of(frames):
    return next(f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "turn")


def look(world):
    world.model.call("check_inventory", event_id=world.event_id, quantity=2)


async def test_an_invention_is_asked_for_again_with_what_is_missing(world):
    look(world)
    world.model.say(INVENTED)
    world.model.say("These seats are $120.00 each.")
    body = await world.customer.say("2 tickets for Hamlet")
    assert body["reply"] == "These seats are $120.00 each."
    told = world.model.requests[-1].messages[-1]
    assert told["role"] == "system"
    assert "“$44.00”" in told["content"]
    assert len(world.model.requests) == 3


async def test_a_second_invention_is_withheld_and_the_turn_is_on_record(world):
    look(world)
    world.model.say(INVENTED)
    world.model.say("I found seats for Hamlet. They are $43.00 each.")
    body = await world.customer.say("2 tickets for Hamlet")
    assert "$43" not in body["reply"]
    assert body["reply"].startswith("I found seats for Hamlet.")
    assert "don't guess" in body["reply"]
    assert len(world.model.requests) == 3
    (turn,) = await world.events("chat_turn_completed")
    assert (turn.data["status"], turn.data["error_code"]) == ("failed", "reply_withheld")
    (problem,) = await world.events("error_occurred")
    assert problem.data["code"] == "reply_withheld"
    world.model.say("Of course.")
    assert (await world.customer.say("go on"))["reply"] == "Of course."


async def test_the_same_invention_again_finds_no_ground_in_its_refusal(world):
    look(world)
    world.model.say(INVENTED)
    world.model.say(INVENTED)
    assert "$44" not in (await world.customer.say("2 tickets for Hamlet"))["reply"]


async def test_what_is_known_is_said_in_its_stead(world):
    world.model.call("hold_tickets", event_id=world.event_id, seat_ids=["A-5-12"])
    world.model.say("I've booked seat 99 for $3.00!")
    world.model.say("I've booked seat 98 for $2.00!")
    world.box.extra["hold_tickets"] = {"event_id": world.event_id, "subtotal": 120.0, "currency": "USD"}
    reply = (await world.customer.say("seat 12 please"))["reply"]
    assert "section A row 5 seat 12" in reply
    assert "$120.00" in reply
    assert "98" not in reply


@pytest.mark.parametrize("claim", ["You're all set! The seats are yours.", "I've charged your card."])
async def test_nothing_is_said_to_be_bought_that_was_not(world, claim):
    world.model.say(claim)
    world.model.say(claim)
    reply = (await world.customer.say("2 tickets for Hamlet"))["reply"]
    assert claim not in reply
    assert not world.box.orders


async def test_a_stream_shows_no_sentence_that_was_not_checked(world):
    look(world)
    world.model.say("I looked at the seats. They are $44.00 each. Shall I hold them?")
    world.model.say("I looked once more. They are $43.00 each. Shall I hold them?")
    async with world.customer.stream("2 tickets for Hamlet") as response:
        frames = await world.read_frames(response)
    shown = text_of(frames)
    assert "44" not in shown
    assert "43" not in shown
    assert "I looked at the seats." in shown
    assert "I looked once more." in shown
    reply = turn_of(frames)["reply"]
    assert reply.startswith("I looked once more.")
    assert " ".join(shown.split()).endswith(" ".join(reply.split()))
    withdrawn = [f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "withdrawn"]
    assert len(withdrawn) == 1


async def test_streamed_sentences_come_as_they_are_checked(world):
    world.model.say("Hello there. I can look for seats. What would you like?")
    async with world.customer.stream("hi") as response:
        frames = await world.read_frames(response)
    assert text_of(frames) == "Hello there. I can look for seats. What would you like? "


async def test_control_with_the_check_off_an_invention_gets_through(make_world):
    world = await make_world(check_replies=False)
    look(world)
    world.model.say(INVENTED)
    assert (await world.customer.say("2 tickets for Hamlet"))["reply"] == INVENTED
    look(world)
    world.model.say(INVENTED)
    async with world.customer.stream("again") as response:
        assert "$44.00" in text_of(await world.read_frames(response))


async def test_earlier_turns_give_ground_after_a_restart(world):
    look(world)
    world.model.say("Seats are $120.00 each.")
    await world.customer.say("2 tickets for Hamlet")
    await world.restart()
    world.model.say("As I said, $120.00 each, $240.00 for two.")
    assert "$240.00" in (await world.customer.say("how much?"))["reply"]


async def test_the_customers_own_number_may_be_said_back(world):
    world.model.say("I look for something under $65.")
    assert "$65" in (await world.customer.say("not more than 65 please"))["reply"]
