"""The output check: what nothing bears out is caught, what follows from the conversation passes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from usher_agent.boxoffice.model import offered_tools
from usher_agent.guardrails.claims import Conduct
from usher_agent.guardrails.output import Check, GroundsKeeper
from usher_shared.contracts.recollection import Recollection

NOW = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
ZONE = ZoneInfo("America/New_York")


def seat(section, row, number, price):
    return {"id": f"{section}-{row}-{number}", "price": price, "section": section, "row": row, "number": str(number)}


EVENT = {
    "event_id": "EVT_01HAMLET",
    "name": "Hamlet",
    "category": "theatre",
    "venue": "Globe House",
    "city": "New York",
    "starts_at": "2026-11-22T19:30:00-05:00",
    "local_start": "Sun 22 Nov 2026, 19:30",
    "time_zone": "America/New_York",
    "currency": "USD",
    "price_from": 45.0,
    "available": 214,
    "status": "on_sale",
}
INFO = {
    **EVENT,
    "description": "A tragedy in 5 acts, 165 minutes with one interval.",
    "performers": ["Ensemble 9"],
    "venue_info": {
        "venue_id": "VEN_7",
        "name": "Globe House",
        "city": "New York",
        "address": "1681 Broadway",
        "time_zone": "America/New_York",
        "facts": {"parking": "Parking is $30 in Lot C.", "doors": "Doors open 60 minutes before the start."},
    },
    "sections": [
        {
            "section": "ORCH",
            "name": "Orchestra",
            "price": {"min": 120.0, "max": 180.0},
            "available": 40,
            "accessible_available": 31,
            "capacity": 200,
        },
        {
            "section": "102",
            "name": "Balcony",
            "price": {"min": 45.0, "max": 60.0},
            "available": 174,
            "accessible_available": 11,
            "capacity": 300,
        },
    ],
    "policies": {"refund": "Refunds are possible until 48 hours before the event, less a fee of 10 percent."},
}
INVENTORY = {
    "event_id": "EVT_01HAMLET",
    "quantity": 3,
    "adjacent": True,
    "available": 174,
    "currency": "USD",
    "seats": [seat("102", "5", n, 45.0) for n in (11, 12, 13)] + [seat("102", "6", n, 60.0) for n in (1, 2)],
}
HOLD = {
    "hold_id": "HOLD_01ABCDEF",
    "expires_at": "2026-11-20T18:10:00+00:00",
    "event_id": "EVT_01HAMLET",
    "seats": [seat("102", "5", n, 45.0) for n in (11, 12)],
    "subtotal": 90.0,
    "currency": "USD",
}
ORDERS = {
    "orders": [
        {
            "order_id": "ORD_01OLD777",
            "status": "confirmed",
            "event_id": "EVT_01CATS",
            "event_name": "Cats",
            "starts_at": "2026-12-04T20:00:00-05:00",
            "seats": [seat("F", "2", 9, 70.0)],
            "total": 78.5,
            "currency": "USD",
            "history": [{"at": "2026-11-01T10:00:00Z", "change": "bought", "amount": 78.5}],
        }
    ]
}


def tool(name, answer):
    return {"role": "tool", "tool_call_id": "c", "name": name, "content": json.dumps(answer)}


def said(text):
    return {"role": "user", "content": text}


TALK = [
    said("two or three tickets for Hamlet on sunday, at most $200 please"),
    tool("search_events", {"events": [EVENT]}),
    tool("get_event_info", INFO),
    tool("check_inventory", INVENTORY),
    tool("list_orders", ORDERS),
]
HELD = [*TALK, said("hold the first two"), tool("hold_tickets", HOLD)]
BOUGHT = [
    *HELD,
    said("yes"),
    tool(
        "create_order",
        {
            "order_id": "ORD_01NEW555",
            "status": "confirmed",
            "total": 99.5,
            "credit": 0.0,
            "currency": "USD",
            "event_id": "EVT_01HAMLET",
            "event_name": "Hamlet",
            "seats": HOLD["seats"],
        },
    ),
]


def missing(text, talk=TALK, *, failed=False):
    keeper = GroundsKeeper(offered_tools(), ZONE)
    check = Check(keeper.source("c", [], talk, NOW), Conduct(failed=failed, now=NOW))
    return check.read(text, whole=True).missing


INVENTED = [
    "They are eighty dollars each.",
    "That comes to two hundred and eighty dollars in all.",
    "Tickets are fifty-five each.",
    "A thousand dollars for the pair.",
    "There are seventeen seats left in the Orchestra.",
    "It starts at three o'clock.",
    "Doors open at half past five.",
    # amounts
    "The seats are $44.00 each.",
    "They start at $35.",
    "Two come to $95.00 before fees.",
    "That is 47.50 USD per ticket.",
    "Orchestra seats cost from $110 to $180.",
    "The booking fee is $7.25.",
    "Parking costs $25.",
    "It would be forty dollars each.",
    "The total is €90.00, fifty euros less than elsewhere.",
    "Your order of Cats cost $87.50.",
    "You pay 12 dollars for delivery.",
    "Three of them are $145.00.",
    "With fees that makes $1,090.00.",
    "That would be $101 in all.",
    "Your budget was $250.",
    # places
    "I found section 103, row 5, seats 11 and 12.",
    "The best are in section 102, row 4.",
    "Row 5, seats 14 and 15 are free.",
    "There are seats in section VIP.",
    "Seats 11, 12 and 14 are together.",
    "You sit in section F, row 3.",
    "Sections 102 and 201 have seats.",
    "Seat A-77 is on the aisle.",
    # ids
    "Your order is ORD_01NEW556.",
    "The hold is HOLD_01XYZ.",
    "Your ticket number is TKT-88213.",
    "I opened support ticket SUP_99ZZ12.",
    "The booking reference is QX7T9PLK2.",
    # percentages
    "The fee is 12 percent.",
    "There is a fee of 15%.",
    "Only twenty percent of the seats are left.",
    # times and dates
    "Hamlet starts at 20:15.",
    "It starts at 7:45 pm.",
    "Doors open at 6 pm.",
    "The show is on 23 Nov 2026.",
    "It plays on November 24th.",
    "Cats is on 5 December.",
    "There is another one on 2026-11-29.",
    "It is on 12/24.",
    "The matinee starts at 2pm.",
    # quantities and spans
    "There are 37 tickets left.",
    "Only 4 seats are left at that price.",
    "I have nine seats together.",
    "The show lasts 150 minutes.",
    "Refunds are possible until 72 hours before the event.",
    "Doors open 90 minutes before the start.",
    "You have 25 minutes to decide.",
    "It is a tragedy in 7 acts.",
    "The theatre is at 1500 Broadway.",
    "Call us at 555-0182 for that.",
    # what was done
    "I've booked the seats for you.",
    "Your tickets are confirmed.",
    "You're all set! Enjoy the show.",
    "I have charged your card.",
    "Your card was charged successfully.",
    "The payment went through.",
    "I've refunded your order.",
    "Your refund has been processed.",
    "I upgraded your seats to the orchestra.",
    "I'm holding these seats for you.",
    "The seats are reserved in your name.",
    "I have put them on hold for you.",
    "Congratulations, the seats are yours!",
    "Your order has been exchanged.",
    "I added you to the wait list.",
    "I've waived the fee for you.",
    # savings, sureties, promises
    "I can offer you a special price.",
    "You get a discount as a loyal customer.",
    "I'll throw in free parking.",
    "These are half-price today.",
    "Use the promo code HAMLET for less.",
    "The upgrade is complimentary.",
    "I guarantee that you will love it.",
    "You get your money back, no questions asked.",
    "This show is fully refundable.",
    "I'll email you the tickets.",
    "Someone from our team will call you tomorrow.",
    "I promise it will not sell out.",
]

GROUNDED = [
    "They are forty-five dollars each, ninety dollars in all.",
    "It starts at half past seven.",
    "42 wheelchair seats are free for Hamlet.",
    "One moment, please.",
    "Hamlet is on Sun 22 Nov 2026 at 19:30 in Globe House, New York, from $45.00.",
    "It starts at 7:30 pm on November 22.",
    "Hamlet plays on Sunday, 22 November, at 7:30.",
    "Doors open 60 minutes before the start, at 6:30 pm.",
    "The best I have is section 102, row 5, seats 11, 12 and 13 at $45 each, $135.00 for 3 before any fees.",
    "Two of them are $90.00.",
    "Seats 11 to 13 in row 5 are $45.",
    "In row 6 they are $60.00, which is $15 more.",
    "Section 102 has 174 seats free, from $45.00 to $60.00.",
    "Orchestra (ORCH) seats cost $120 to $180.",
    "That stays under your $200.",
    "It is in 2 days.",
    "The show runs 165 minutes, in 5 acts.",
    "Refunds are possible until 48 hours before the event, less a fee of 10%.",
    "Parking is $30 in Lot C.",
    "It is at 1681 Broadway.",
    "You have 1 order: ORD_01OLD777, Cats, section F, row 2, seat 9, $78.50.",
    "Your order ORD_01OLD777 is confirmed.",
    "Cats is on 4 Dec 2026 at 20:00.",
    "I found 1 event.",
    "How many tickets would you like: two or three?",
    "1. Hamlet, from $45.00\n2. Other seats at $60.00\nWhich one would you like?",
    "Shall I hold them for you?",
    "Nothing has been charged.",
    "I can hold them for 5 minutes.",
    "Once you say yes, your card is charged.",
    "I can't give discounts, but I can look for the cheapest seats.",
    "I haven't booked anything yet.",
    "Would you like me to have them reserved?",
    "No refund is guaranteed by me.",
    "Today is Friday, 20 November 2026.",
    "It is 13:00 in New York now.",
    "If you confirm, you will be charged $90.00 plus fees.",
    "Please write it like this, for example “4 tickets for tonight”.",
    "Do you want me to go ahead? Please answer yes or no.",
    "I don't know whether they are reserved for members.",
    "You asked for three tickets.",
    "The cheapest are $45.00, and the dearest $180.00.",
    "Two of row 6 make $120.00.",
    "One of each would be $105.00: $45.00 and $60.00.",
    "With 3 at $45.00 and 2 at $60.00 it is $255.00.",
]

GROUNDED_HELD = [
    "I hold section 102, row 5, seats 11 and 12 for you for the next 10 minutes: $90.00 before any fees.",
    "I'm holding two seats for you until 1:10 pm.",
    "The seats are held for ten minutes.",
    "Your seats are reserved; nothing is charged until you say yes.",
]

GROUNDED_BOUGHT = [
    "You're all set! Order ORD_01NEW555 is confirmed: Hamlet, Sun 22 Nov 2026, 19:30. Total charged: $99.50.",
    "I've booked seats 11 and 12 for you, and your card was charged $99.50.",
    "That includes $9.50 of fees on $90.00.",
    "Congratulations, the seats are yours!",
]


@pytest.mark.parametrize("text", INVENTED)
def test_inventions_are_caught(text):
    assert missing(text), text


@pytest.mark.parametrize(
    ("text", "talk"),
    [(t, TALK) for t in GROUNDED] + [(t, HELD) for t in GROUNDED_HELD] + [(t, BOUGHT) for t in GROUNDED_BOUGHT],
)
def test_what_follows_from_the_conversation_passes(text, talk):
    assert missing(text, talk) == []


@pytest.mark.parametrize("text", [*GROUNDED_HELD, *GROUNDED_BOUGHT])
def test_the_same_words_need_their_tool_answer(text):
    assert missing(text, TALK)


def test_an_act_that_failed_in_this_turn_was_not_done():
    assert missing("You're all set!", BOUGHT) == []
    assert missing("You're all set!", BOUGHT, failed=True)


def test_what_was_bought_before_says_nothing_of_new_seats():
    again = [*BOUGHT, said("two more"), tool("hold_tickets", {**HOLD, "hold_id": "HOLD_02"})]
    assert missing("I've booked them for you.", again)
    assert missing("Your order ORD_01NEW555 is confirmed.", again) == []


def test_a_hold_that_ran_out_is_not_held():
    late = [*TALK, tool("hold_tickets", {**HOLD, "expires_at": "2026-11-20T17:59:00+00:00"})]
    assert missing("I'm holding them for you.", late)


def test_a_refused_hold_holds_nothing():
    refused = [*TALK, tool("hold_tickets", {"error": "seats_taken", "detail": "seats are taken"})]
    assert missing("I'm holding them for you.", refused)


def test_another_box_offices_keys_are_understood():
    stub = [
        tool("check_inventory", {"seats": [{"seat": "A-1", "unitPrice": "45.00", "currency": "EUR"}], "ttl_s": 600})
    ]
    assert missing("Seat A-1 is 45.00 EUR; two are €90.00, for ten minutes.", stub) == []
    assert missing("Seat A-2 is 45.00 EUR.", stub) == ["seat A-2"]


def test_grounds_grow_with_the_conversation_and_are_read_once():
    keeper = GroundsKeeper(offered_tools(), ZONE)
    first = keeper.read("c", [], TALK)
    assert keeper.read("c", [], TALK) is first
    messages = [said("and?"), tool("hold_tickets", HOLD)]
    grown = keeper.read("c", TALK, messages)
    assert grown is first
    assert len(grown.answers) == 5
    # a history that was cut, or is another process's, is read anew
    assert keeper.read("c", [dict(TALK[1])], [said("hi")]) is not first


def test_what_was_left_out_of_the_history_still_gives_ground():
    past = Recollection(
        said=["not more than 300 dollars"],
        orders=[{"order_id": "ORD_01PAST11", "status": "confirmed", "total": 64.25, "currency": "USD"}],
        holds=[{"hold_id": "HOLD_01PAST", "expires_at": "2026-11-20T18:09:00+00:00", "subtotal": 48.0}],
        decisions=[{"action": "create_order", "outcome": "done", "total": 64.25}],
    )
    talk = [{"role": "system", "content": past.to_note()}, said("what did I buy?")]
    assert missing("Order ORD_01PAST11 is confirmed; $64.25 was charged, under your $300.", talk) == []
    assert missing("I'm holding seats for you at $48.00.", talk) == []
    assert missing("Order ORD_01PAST12 came to $65.25.", talk)


def test_control_without_the_check_everything_passes():
    from usher_agent.guardrails.speech import examine

    assert all(not examine(text, None).missing for text in INVENTED)
    assert len(INVENTED) >= 60


@pytest.mark.parametrize("number", ["9" * 400, "$" + "9" * 400, "9" * 400 + " tickets"])
def test_a_number_without_end_is_a_number_like_any_other(number):
    talk = [*TALK, {"role": "user", "content": number}, tool("get_event_info", {**INFO, "note": f"costs {number}"})]
    assert missing("They are $45.00 each.", talk) == []
    assert missing("They are $46.00 each.", talk)
