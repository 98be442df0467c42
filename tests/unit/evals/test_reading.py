"""What a reply wants, in the words of agents that nobody here has written."""

from __future__ import annotations

import pytest

from usher_evals.customers.reading import Ask, read

SAID = [
    ("Of course! Which event did you have in mind?", Ask.EVENT),
    ("I'd love to help. What show are you interested in?", Ask.EVENT),
    ("Sure thing. Could you tell me the name of the artist?", Ask.EVENT),
    ("Hi there! How can I help you today?", Ask.EVENT),
    ("There are three nights. Which date works best for you?", Ask.DATE),
    ("Great choice! What day would you like to go?", Ask.DATE),
    ("That tour stops in several places. Which city should I look at?", Ask.CITY),
    ("Where are you located?", Ask.CITY),
    ("Wonderful. How many tickets do you need?", Ask.QUANTITY),
    ("And how big is your party?", Ask.QUANTITY),
    ("Could you tell me the number of tickets, please?", Ask.QUANTITY),
    ("Do you have a preferred section?", Ask.SECTION),
    ("Where would you like to sit?", Ask.SECTION),
    ("Which part of the house would you prefer?", Ask.SECTION),
    ("Do you have a budget in mind?", Ask.LIMIT),
    ("How much would you be willing to spend per ticket?", Ask.LIMIT),
    ("I found two seats in row 4 for $55 each. Shall I hold them for you?", Ask.OFFER),
    ("Two seats in the Circle, $48.00 each. Would you like me to reserve these?", Ask.OFFER),
    ("Row C, seats 3 and 4. Do these work for you?", Ask.OFFER),
    ("1. Monday\n2. Tuesday\nWhich one would you like?", Ask.WHICH),
    ("Did you mean the Saturday show?", Ask.MEANT),
    ("You have two bookings. Which order would you like to change?", Ask.ORDER),
    ("Could you give me your order number?", Ask.ORDER),
    ("The Circle is full. Would you like seats in a different section?", Ask.ALTERNATIVE),
    ("It's sold out. Shall I put you on the waiting list?", Ask.ALTERNATIVE),
    ("The box office did not answer. Shall I try again?", Ask.RETRY),
    ("I can't do that myself. Would you like me to connect you with a colleague?", Ask.PERSON),
    ("Shall I open a support ticket for our team?", Ask.PERSON),
    ("You get $40.00 back. Are you sure you want to cancel?", Ask.SURE),
    ("Just to confirm: refund both tickets?", Ask.SURE),
    ("All done! Is there anything else I can help you with?", Ask.MORE),
    ("Your order ORD_1 is confirmed. Enjoy the show!", Ask.DONE),
    ("I do not know yet whether the payment went through.", Ask.UNKNOWN),
    ("Our ticketing system is temporarily unavailable. Please try again in a few minutes.", Ask.LATER),
    ("I'm sorry, this event is sold out.", Ask.REFUSED),
    ("Unfortunately these tickets are not refundable.", Ask.REFUSED),
    ("Parking is in Lot 14, $12 an evening.", Ask.TOLD),
    ("Please let me know which date you prefer.", Ask.DATE),
    ("Just tell me how many seats you want.", Ask.QUANTITY),
    ("Blorp fnord quux?", Ask.NONE),
    ("…", Ask.NONE),
    ("", Ask.NONE),
]


@pytest.mark.parametrize(("reply", "ask"), SAID, ids=[reply[-40:] for reply, _ in SAID])
def test_what_a_reply_wants(reply: str, ask: Ask) -> None:
    assert read(reply).ask is ask


def test_the_last_question_counts() -> None:
    assert read("Which city? Ah, you said so. How many tickets would you like?").ask is Ask.QUANTITY


def test_a_question_in_the_middle_is_still_one() -> None:
    assert read("How many tickets would you like? I can look for seats side by side.").ask is Ask.QUANTITY
