"""What a message wants, and what a question is about."""

from datetime import UTC, datetime

import pytest

from usher_inference.understanding import Intent, Topic, Understanding, UnderstandingContext, understand

NOW = datetime(2026, 3, 12, 15, tzinfo=UTC)


def read(message: str, asked: str = "") -> Understanding:
    return understand(message, UnderstandingContext(NOW, asked))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("what's on this weekend?", Intent.FIND),
        ("any comedy shows in LA tonight?", Intent.FIND),
        ("find me something fun to do", Intent.FIND),
        ("who's playing tomorrow", Intent.FIND),
        ("I'm bored, what's happening in Chicago", Intent.FIND),
        ("looking for a show in Boise", Intent.FIND),
        ("is there anything to do on Sunday?", Intent.FIND),
        ("lakers tomorrow", Intent.FIND),
        ("2 tickets tonight, not too far up", Intent.BUY),
        ("I'd like to buy two tickets for the derby", Intent.BUY),
        ("book it", Intent.BUY),
        ("I'll take the first one", Intent.BUY),
        ("can you find me tickets for the opera", Intent.BUY),
        ("get me 4 floor seats for Bruno Mars", Intent.BUY),
        ("order 2 tickets", Intent.BUY),
        ("yes please buy them", Intent.BUY),
        ("hold those for me", Intent.HOLD),
        ("can you put these seats on hold", Intent.HOLD),
        ("keep those for now", Intent.HOLD),
        ("I want to upgrade to VIP", Intent.UPGRADE),
        ("upgrade my order ORD_1 for up to 50 more", Intent.UPGRADE),
        ("can you move us closer to the stage", Intent.UPGRADE),
        ("show me my orders", Intent.ORDERS),
        ("where are my tickets?", Intent.ORDERS),
        ("what have I bought so far", Intent.ORDERS),
        ("what's the status of order ORD_9", Intent.ORDERS),
        ("I want a refund for ORD_77", Intent.REFUND),
        ("I can't make it, want my money back", Intent.REFUND),
        ("cancel my order", Intent.REFUND),
        ("please cancel my tickets", Intent.REFUND),
        ("refund please", Intent.REFUND),
        ("can I get a refund for my order", Intent.REFUND),
        ("exchange my tickets for the 14th", Intent.EXCHANGE),
        ("can I swap my tickets for a different night?", Intent.EXCHANGE),
        ("change my tickets to Saturday", Intent.EXCHANGE),
        ("release the hold", Intent.RELEASE),
        ("let those go", Intent.RELEASE),
        ("I don't want them anymore", Intent.RELEASE),
        ("cancel that hold please", Intent.RELEASE),
        ("talk to a human", Intent.HUMAN),
        ("I want to speak with a real person", Intent.HUMAN),
        ("agent please", Intent.HUMAN),
        ("hi", Intent.GREET),
        ("good evening", Intent.GREET),
        ("thanks!", Intent.THANKS),
        ("thank you so much", Intent.THANKS),
        ("bye", Intent.BYE),
        ("thanks, that's all", Intent.BYE),
        ("yes", Intent.AFFIRM),
        ("yep", Intent.AFFIRM),
        ("sounds good, go ahead", Intent.AFFIRM),
        ("no", Intent.DENY),
        ("no thanks", Intent.DENY),
        ("never mind", Intent.DENY),
        ("don't buy them", Intent.DENY),
        ("I want to cancel", Intent.DENY),
        ("I don't want to buy anything yet", Intent.DENY),
        ("four", Intent.INFORM),
        ("section 102 for 2", Intent.INFORM),
        ("something cheaper", Intent.INFORM),
        ("🙂", Intent.OTHER),
        ("", Intent.OTHER),
    ],
)
def test_tells_intents_apart(message: str, expected: Intent) -> None:
    assert read(message).intent is expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("is there parking at the arena?", Topic.PARKING),
        ("can I bring a backpack?", Topic.BAGS),
        ("is there an age limit?", Topic.AGE),
        ("can you get food inside?", Topic.FOOD),
        ("how do I get to the venue?", Topic.TRANSPORT),
        ("how do I get my tickets?", Topic.DELIVERY),
        ("what fees are there?", Topic.FEES),
        ("do you take paypal?", Topic.PAYMENT),
        ("what time do doors open?", Topic.DOORS),
        ("is it wheelchair accessible?", Topic.ACCESSIBILITY),
        ("what can you do?", Topic.CAPABILITIES),
        ("what's your refund policy?", Topic.REFUND_POLICY),
        ("are tickets refundable?", Topic.REFUND_POLICY),
        ("can I get a refund if I can't make it?", Topic.REFUND_POLICY),
        ("can tickets be exchanged later?", Topic.EXCHANGE_POLICY),
        ("what if it rains?", Topic.POLICY),
        ("how much are the tickets?", Topic.PRICE),
        ("are there any seats left in section B?", Topic.AVAILABILITY),
        ("what time does it start?", Topic.TIME),
        ("what's the view like from section 214?", Topic.SEATING),
        ("where is it?", Topic.VENUE),
    ],
)
def test_names_the_topic_of_a_question(message: str, expected: Topic) -> None:
    found = read(message)
    assert (found.intent, found.topic) == (Intent.QUESTION, expected)


def test_keeps_the_weaker_intents() -> None:
    found = read("thanks, can I buy two tickets?")
    assert found.intent is Intent.BUY
    assert Intent.THANKS in found.also


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("no, four", True),
        ("actually make it 3", True),
        ("what about Friday instead?", True),
        ("sure, but make it 3", True),
        ("four please", False),
        ("yes", False),
        ("I can't make it", False),
        ("no more than 200 for both", False),
    ],
)
def test_notices_corrections(message: str, expected: bool) -> None:
    assert read(message).correction is expected


def test_is_deterministic() -> None:
    message = "2 tix for the derby sat night in philly, under $80 each, aisle if possible"
    assert read(message) == read(message)
