"""Checks of quotes, purchases and what comes after."""

from __future__ import annotations

from functools import partial
from typing import Any

from usher_evals.conformance.checking import Check, Skipped, answered, expect, refused
from usher_evals.conformance.seats import buy, event_of, hold, orders_of, quote, quote_purchase
from usher_evals.conformance.server import Server, at_once
from usher_shared.contracts.money import exponent, to_major

REPEATS = 20
_NOT_OFFERED = frozenset({"outside_policy", "no_better_seats", "action_not_offered", "unknown_tool"})


def _quote_adds_up(server: Server) -> None:
    customer = server.name("customer")
    held = hold(server, customer)
    quoted = quote_purchase(server, customer, held["hold_id"])
    expect(quoted["action"] == "create_order", "action create_order", quoted["action"])
    places = exponent(quoted["currency"])
    parts = round(quoted["subtotal"] + quoted["fees"] + quoted.get("taxes", 0.0) - quoted.get("credit", 0.0), places)
    expect(parts == quoted["total"], "total = subtotal + fees + taxes - credit", f"{quoted['total']} and {parts}")
    major = to_major(quoted["total_minor"], quoted["currency"])
    expect(major == quoted["total"], "total_minor is total in minor units", f"{quoted['total_minor']}, {major}")
    prices = round(sum(seat["price"] for seat in quoted["seats"]), places)
    expect(prices == quoted["subtotal"], "subtotal is the sum of the prices", f"{quoted['subtotal']} and {prices}")
    given, named = sorted(s["id"] for s in held["seats"]), sorted(s["id"] for s in quoted["seats"])
    expect(given == named, f"the held seats {given}", named)
    asked = {"hold_id": held["hold_id"], "customer_id": customer, "payment_method_token": "default"}
    expect(asked.items() <= quoted["arguments"].items(), f"the arguments asked for: {asked}", quoted["arguments"])


def _bought(server: Server) -> None:
    customer = server.name("customer")
    held = hold(server, customer)
    quoted = quote_purchase(server, customer, held["hold_id"])
    order = answered(server.act(quoted, customer), "create_order")
    same = (order["total"], order["currency"]) == (quoted["total"], quoted["currency"])
    expect(same, f"the quoted total {quoted['total']} {quoted['currency']}", order)
    seats = sorted(seat["id"] for seat in held["seats"])
    shown = answered(server.tool("get_order", {"order_id": order["order_id"]}, customer), "get_order")
    expect(sorted(seat["id"] for seat in shown["seats"]) == seats, f"an order of {seats}", shown)
    expect(shown["total"] == quoted["total"], f"the order's total {quoted['total']}", shown["total"])
    listed = [o["order_id"] for o in orders_of(server, customer)]
    expect(listed == [order["order_id"]], f"list_orders names {order['order_id']} alone", listed)
    wanted = {"event_id": event_of(server), "seat_ids": seats}
    reply = server.tool("hold_tickets", wanted, server.name("customer"), key=server.name("key"))
    refused(reply, {409}, "holding sold seats", {"seats_taken"})


def _once_per_key(server: Server) -> None:
    customer = server.name("customer")
    quoted = quote_purchase(server, customer, hold(server, customer)["hold_id"])
    yes = server.confirm(quoted, customer)
    replies = at_once([partial(server.act, quoted, customer, yes)] * REPEATS)
    for reply in replies:
        if reply.status != 200:
            refused(reply, {409}, "a repeat while the first is under way", {"idempotency_in_flight"})
    last = answered(server.act(quoted, customer, yes), "create_order")
    made = {reply.body["order_id"] for reply in replies if reply.status == 200} | {last["order_id"]}
    expect(len(made) == 1, f"one order for {REPEATS} repeats under one Idempotency-Key", sorted(made))
    orders = orders_of(server, customer)
    expect(len(orders) == 1, "one order of the customer", [order["order_id"] for order in orders])


def _other_body(server: Server) -> None:
    customer = server.name("customer")
    first = quote_purchase(server, customer, hold(server, customer, 1)["hold_id"])
    second = quote_purchase(server, customer, hold(server, customer, 1)["hold_id"])
    yes = server.confirm(first, customer)
    answered(server.act(first, customer, yes), "create_order")
    reply = server.act(second, customer, server.confirm(second, customer, id=yes.id))
    refused(reply, {422}, "a used key with another body", {"idempotency_key_reused"})
    orders = orders_of(server, customer)
    expect(len(orders) == 1, "one order of the customer", [order["order_id"] for order in orders])


def _agreed_total(server: Server) -> None:
    customer = server.name("customer")
    quoted = quote_purchase(server, customer, hold(server, customer)["hold_id"])
    wrong: list[dict[str, Any]] = [
        {"total_minor": quoted["total_minor"] - 1},
        {"currency": "XTS"},
        {"quote_id": f"{quoted['quote_id']}x"},
    ]
    for change in wrong:
        reply = server.act(quoted, customer, server.confirm(quoted, customer, **change))
        refused(reply, {403, 409}, f"a confirmation of another {next(iter(change))}")
    reply = server.tool("create_order", quoted["arguments"], customer, key=server.name("key"))
    refused(reply, {403}, "a purchase without Usher-Confirmation", {"confirmation_required"})
    orders = orders_of(server, customer)
    expect(not orders, "no order", orders)
    answered(server.act(quoted, customer), "create_order")  # and the right one still goes through


def _quote_once(server: Server) -> None:
    customer = server.name("customer")
    quoted = quote_purchase(server, customer, hold(server, customer)["hold_id"])
    replies = at_once([partial(server.act, quoted, customer) for _ in range(5)])  # five keys, one quote
    done = [reply for reply in replies if reply.status == 200]
    expect(len(done) == 1, "one purchase of one hold, whatever the keys", [str(reply) for reply in replies])
    orders = orders_of(server, customer)
    expect(len(orders) == 1, "one order of the customer", [order["order_id"] for order in orders])


def _strangers(server: Server) -> None:
    owner, other = server.name("customer"), server.name("customer")
    order_id = buy(server, owner, 1)["order_id"]
    reply = server.tool("get_order", {"order_id": order_id}, other)
    refused(reply, {404}, "another customer's order", {"order_not_found"})
    arguments = {"action": "refund_order", "arguments": {"order_id": order_id}}
    refused(server.tool("quote", arguments, other), {404}, "a refund of another's order", {"order_not_found"})
    held = hold(server, owner, 1)
    purchase = {"hold_id": held["hold_id"], "customer_id": other, "payment_method_token": "default"}
    reply = server.tool("quote", {"action": "create_order", "arguments": purchase}, other)
    refused(reply, {404}, "a purchase of another's hold", {"hold_not_found"})
    reply = server.tool("list_orders", {"customer_id": owner}, other)
    refused(reply, {403}, "arguments that name another customer", {"wrong_customer"})
    expect(not orders_of(server, other), "no orders of the other customer", "some")
    yes = server.confirm(quote_purchase(server, owner, held["hold_id"]), owner)
    quoted = quote_purchase(server, owner, held["hold_id"])
    reply = server.tool("create_order", quoted["arguments"], other, key=yes.id, confirmation=yes)
    refused(reply, {403}, "a purchase with another's confirmation")


def _refund(server: Server) -> None:
    customer = server.name("customer")
    order = buy(server, customer, 2)
    wanted = {"action": "refund_order", "arguments": {"order_id": order["order_id"]}}
    reply = server.tool("quote", wanted, customer)
    if reply.code in _NOT_OFFERED:
        raise Skipped(f"refunds are refused here: {reply.code}")
    quoted = answered(reply, "quote")
    most = to_major(-quoted["total_minor"], quoted["currency"])
    expect(0 <= most <= order["total"], f"a refund of at most the {order['total']} paid", quoted["total"])
    replies = at_once([partial(server.act, quoted, customer) for _ in range(4)])  # four keys, one quote
    for reply in replies:
        if reply.status != 200:
            refused(reply, {403, 409}, "a refund of what is refunded, or being refunded")
    back = sum(answered(reply, "refund_order")["refunded"] for reply in replies if reply.status == 200)
    expect(back == most, f"given back once: {most}", back)
    shown = answered(server.tool("get_order", {"order_id": order["order_id"]}, customer), "get_order")
    expect(shown["status"] == "refunded" and not shown["seats"], "a refunded order without seats", shown)
    reply = server.tool("quote", wanted, customer)
    refused(reply, {409}, "a quote for a second refund")


def _upgrade(server: Server) -> None:
    customer = server.name("customer")
    order = buy(server, customer, 1)
    reply = server.tool("quote", {"action": "upgrade_tickets", "arguments": {"order_id": order["order_id"]}}, customer)
    if reply.code in _NOT_OFFERED:
        raise Skipped(f"no upgrade is offered here: {reply.code}")
    quoted = answered(reply, "quote")
    done = answered(server.act(quoted, customer), "upgrade_tickets")
    expect(done["price_delta"] == quoted["total"], f"the quoted difference {quoted['total']}", done)
    shown = answered(server.tool("get_order", {"order_id": order["order_id"]}, customer), "get_order")
    now, promised = sorted(s["id"] for s in shown["seats"]), sorted(s["id"] for s in quoted["seats"])
    expect(now == promised, f"the quoted seats {promised}", now)
    total = round(order["total"] + quoted["total"], exponent(quoted["currency"]))
    expect(shown["total"] == total, f"the order's total {total}", shown["total"])
    old = [seat["id"] for seat in order["seats"]]
    wanted = {"event_id": event_of(server), "seat_ids": old}
    reply = server.tool("hold_tickets", wanted, server.name("customer"), key=server.name("key"))
    expect(reply.status == 200, f"the old seats {old} are free again", reply)


def _exchange(server: Server) -> None:
    customer = server.name("customer")
    order, held = buy(server, customer, 1), hold(server, customer, 1)
    arguments = {"order_id": order["order_id"], "hold_id": held["hold_id"]}
    reply = server.tool("quote", {"action": "exchange_order", "arguments": arguments}, customer)
    if reply.code in _NOT_OFFERED:
        raise Skipped(f"exchanges are refused here: {reply.code}")
    quoted = answered(reply, "quote")
    done = answered(server.act(quoted, customer), "exchange_order")
    paid = round(done["charged"] - done["refunded"], exponent(quoted["currency"]))
    expect(paid == quoted["total"], f"the quoted difference {quoted['total']}", done)
    new = answered(server.tool("get_order", {"order_id": done["new_order_id"]}, customer), "get_order")
    seats, wanted = [s["id"] for s in new["seats"]], [s["id"] for s in held["seats"]]
    expect(seats == wanted, f"the held seats {wanted}", seats)
    old = answered(server.tool("get_order", {"order_id": order["order_id"]}, customer), "get_order")
    expect(old["status"] == "exchanged" and not old["seats"], "an exchanged order without seats", old)


def _credit(server: Server) -> None:
    customer = server.name("customer")
    order = buy(server, customer, 1)
    wanted = {"action": "credit_order", "arguments": {"order_id": order["order_id"]}}
    reply = server.tool("quote", wanted, customer)
    if reply.code in _NOT_OFFERED:
        raise Skipped(f"store credit is not given here: {reply.code}")
    quoted = answered(reply, "quote")
    done = answered(server.act(quoted, customer), "credit_order")
    expect(done["credited"] == -quoted["total"], f"the quoted credit {-quoted['total']}", done)
    expect(done["credited"] <= order["total"], f"at most the {order['total']} paid", done)
    balances = answered(server.tool("get_credit", {"customer_id": customer}, customer), "get_credit")["credits"]
    found = [b["balance"] for b in balances if b["currency"] == done["currency"]]
    expect(found == [done["balance"]], f"get_credit says {done['balance']}", balances)
    shown = answered(server.tool("get_order", {"order_id": order["order_id"]}, customer), "get_order")
    expect(shown["status"] == "credited" and not shown["seats"], "a credited order without seats", shown)


def _quote_expiry(server: Server) -> None:
    customer = server.name("customer")
    order = buy(server, customer, 1)
    reply = server.tool("quote", {"action": "refund_order", "arguments": {"order_id": order["order_id"]}}, customer)
    if reply.code in _NOT_OFFERED:
        raise Skipped(f"refunds are refused here: {reply.code}")
    quoted = quote(server, customer, "refund_order", {"order_id": order["order_id"]})
    longest = 900
    if server.patience < longest + 1:
        raise Skipped(f"quotes last up to {longest} seconds: needs --patience {longest + 1} or more")
    server.wait(longest + 1)
    refused(server.act(quoted, customer), {409}, "an action after its quote's end", {"quote_expired"})


CHECKS = (
    Check("quote", "Quotes", "totals add up; the arguments are those asked for", _quote_adds_up),
    Check("purchase", "Purchases", "what was quoted is bought, and nobody else's", _bought),
    Check("purchase-key", "Idempotency", f"{REPEATS} repeats under one key: one order", _once_per_key),
    Check("purchase-body", "Idempotency", "the same key with another body is 422", _other_body),
    Check("purchase-quote", "Purchases", "one hold is bought once, whatever the keys", _quote_once),
    Check("total", "Purchases", "nothing is done for another total than agreed", _agreed_total),
    Check("strangers", "Customers", "holds and orders of others are 404", _strangers),
    Check("refund", "After the sale", "given back once, never more than was paid", _refund),
    Check("upgrade", "After the sale", "the quoted seats for the quoted difference", _upgrade),
    Check("exchange", "After the sale", "held seats for those of an order, at the quoted difference", _exchange),
    Check("credit", "After the sale", "store credit of at most what was paid", _credit),
    Check("quote-expiry", "Quotes", "an expired quote is refused", _quote_expiry),
)
