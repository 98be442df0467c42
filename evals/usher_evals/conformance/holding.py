"""Checks of holds."""

from __future__ import annotations

from functools import partial

from usher_evals.conformance.checking import Check, Skipped, answered, expect, refused
from usher_evals.conformance.seats import event_of, free_seats, hold, orders_of, quote_purchase
from usher_evals.conformance.server import Reply, Server, at_once
from usher_shared.clock import from_timestamp

PARTIES = 20
_SHORTEST = 30


def _held(server: Server) -> None:
    customer = server.name("customer")
    event_id, seats = event_of(server), free_seats(server, 2, customer)
    wanted = {"event_id": event_id, "seat_ids": seats}
    held = answered(server.tool("hold_tickets", wanted, customer, key=server.name("key")), "hold_tickets")
    expect(sorted(s["id"] for s in held["seats"]) == sorted(seats), f"a hold of exactly {seats}", held)
    total = round(sum(seat["price"] for seat in held["seats"]), 3)
    expect(held["subtotal"] == total, "subtotal is the sum of the prices", f"{held['subtotal']} and {total}")
    other = server.name("customer")
    reply = server.tool("hold_tickets", wanted, other, key=server.name("key"))
    refused(reply, {409}, "holding held seats", {"seats_taken"})
    offered = free_seats(server, 10, other)
    expect(not set(seats) & set(offered), "held seats are not offered to others", sorted(set(seats) & set(offered)))


def _all_or_nothing(server: Server) -> None:
    customer = server.name("customer")
    seats = free_seats(server, 8, customer)
    # each party wants three neighbours, so that every two near each other overlap
    wishes = [[seats[(party + place) % len(seats)] for place in range(3)] for party in range(PARTIES)]
    event_id = event_of(server)
    parties = [server.name("customer") for _ in wishes]

    def take(party: str, wish: list[str]) -> Reply:
        wanted = {"event_id": event_id, "seat_ids": wish}
        return server.tool("hold_tickets", wanted, party, key=f"{party}-hold")

    replies = at_once([partial(take, party, wish) for party, wish in zip(parties, wishes, strict=True)])
    owner: dict[str, str] = {}
    for party, wish, reply in zip(parties, wishes, replies, strict=True):
        if reply.status != 200:
            refused(reply, {409}, "a party that comes too late", {"seats_taken"})
            continue
        held = answered(reply, "hold_tickets")
        expect(sorted(s["id"] for s in held["seats"]) == sorted(wish), f"all of {wish}", held["seats"])
        for seat in wish:
            expect(seat not in owner, "no seat held twice", f"{seat} held by {owner.get(seat)} and {party}")
            owner[seat] = party
    expect(bool(owner), "one party at least gets its seats", "nobody did")
    # a refused party holds nothing: what nobody was given can be held
    left = [seat for seat in seats if seat not in owner]
    for seat in left:
        wanted = {"event_id": event_id, "seat_ids": [seat]}
        reply = server.tool("hold_tickets", wanted, server.name("customer"), key=server.name("key"))
        expect(reply.status == 200, f"{seat} is free: the parties that wanted it were refused", reply)


def _one_key_one_hold(server: Server) -> None:
    customer = server.name("customer")
    wanted = {"event_id": event_of(server), "seat_ids": free_seats(server, 2, customer)}
    key = server.name("key")
    first = answered(server.tool("hold_tickets", wanted, customer, key=key), "hold_tickets")
    again = answered(server.tool("hold_tickets", wanted, customer, key=key), "hold_tickets")
    expect(first == again, "the first answer again under the same Idempotency-Key", f"{first} and {again}")
    other = {**wanted, "expires_in_seconds": 120}
    reply = server.tool("hold_tickets", other, customer, key=key)
    refused(reply, {422}, "the same key with another body", {"idempotency_key_reused"})


def _expiry(server: Server) -> None:
    if server.patience < _SHORTEST + 1:
        raise Skipped(f"holds last {_SHORTEST} seconds at least: needs --patience {_SHORTEST + 1} or more")
    old = server.name("customer")
    held = hold(server, old, 2, seconds=_SHORTEST)
    server.wait(_SHORTEST + 1)
    _is_free(server, [seat["id"] for seat in held["seats"]])
    arguments = {"hold_id": held["hold_id"], "customer_id": old, "payment_method_token": "default"}
    reply = server.tool("quote", {"action": "create_order", "arguments": arguments}, old)
    refused(reply, {404, 409}, "a quote for an expired hold", {"hold_expired", "hold_not_found"})


def _is_free(server: Server, seats: list[str]) -> None:
    wanted = {"event_id": event_of(server), "seat_ids": seats}
    reply = server.tool("hold_tickets", wanted, server.name("customer"), key=server.name("key"))
    expect(reply.status == 200, "an expired hold's seats can be held at once by another customer", reply)


def _quoted_expiry(server: Server) -> None:
    old = server.name("customer")
    held = hold(server, old, 2, seconds=_SHORTEST)
    quoted = quote_purchase(server, old, held["hold_id"])
    # quoting may have made the hold last longer: it lasts as long as its quote at least
    longer = (from_timestamp(quoted["expires_at"]) - from_timestamp(held["expires_at"])).total_seconds()
    seconds = _SHORTEST + max(longer, 0) + 1
    if server.patience < seconds:
        raise Skipped(f"this quote lasts {seconds:.0f} seconds: needs --patience {seconds:.0f} or more")
    server.wait(seconds)
    _is_free(server, [seat["id"] for seat in held["seats"]])
    refused(server.act(quoted, old), {409}, "buying under an expired hold", {"hold_expired", "quote_expired"})
    bought = orders_of(server, old)
    expect(not bought, "no order of the customer whose hold expired", bought)


def _release(server: Server) -> None:
    customer, other = server.name("customer"), server.name("customer")
    held = hold(server, customer)
    wanted = {"hold_id": held["hold_id"]}
    reply = server.tool("release_hold", wanted, other, key=server.name("key"))
    refused(reply, {404}, "releasing another customer's hold", {"hold_not_found"})
    for _ in range(2):
        done = answered(server.tool("release_hold", wanted, customer, key=server.name("key")), "release_hold")
        expect(done["hold_id"] == held["hold_id"], f"hold_id {held['hold_id']}", done)
    again = {"event_id": event_of(server), "seat_ids": [seat["id"] for seat in held["seats"]]}
    reply = server.tool("hold_tickets", again, other, key=server.name("key"))
    expect(reply.status == 200, "released seats can be held at once", reply)
    arguments = {"hold_id": held["hold_id"], "customer_id": customer, "payment_method_token": "default"}
    reply = server.tool("quote", {"action": "create_order", "arguments": arguments}, customer)
    refused(reply, {404, 409}, "a quote for a released hold")


CHECKS = (
    Check("hold", "Holds", "held seats are nobody else's", _held),
    Check("hold-race", "Holds", f"{PARTIES} parties at once for overlapping seats: all or nothing", _all_or_nothing),
    Check("hold-key", "Idempotency", "one key, one hold; with another body 422", _one_key_one_hold),
    Check("hold-expiry", "Holds", "an expired hold frees its seats, and its owner gets no quote", _expiry),
    Check(
        "quoted-expiry",
        "Holds",
        "an expired hold that was quoted frees its seats too, and cannot be bought",
        _quoted_expiry,
    ),
    Check("release", "Holds", "releasing again changes nothing, and only the owner may", _release),
)
