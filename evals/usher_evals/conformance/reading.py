"""Checks of the connection, of reading, and of how errors look."""

from __future__ import annotations

import itertools
from typing import Any

from usher_evals.conformance.checking import Check, Skipped, answered, expect, refused
from usher_evals.conformance.seats import event_of, free_seats, hold
from usher_evals.conformance.server import Server


def _health(server: Server) -> None:
    reply = server.request("GET", "/health")
    expect(reply.status == 200, "200 from GET /health", reply)
    expect(isinstance(reply.body, dict) and reply.body.get("status") == "ok", '{"status": "ok", …}', reply)


def _needs_key(server: Server) -> None:
    for bearer in (None, "not-the-key"):
        reply = server.tool("search_events", {}, bearer=bearer)
        refused(reply, {401}, "without the key" if bearer is None else "with another key")


def _discovery(server: Server) -> None:
    event_id = event_of(server)
    info = answered(server.tool("get_event_info", {"event_id": event_id}), "get_event_info")
    expect(info["event_id"] == event_id, f"event_id {event_id}", info["event_id"])
    total = sum(section["available"] for section in info["sections"])
    expect(total == info["available"], "available is the sum over the sections", f"{info['available']} and {total}")
    name = str(info["name"])
    found = answered(server.tool("search_events", {"query": name}), "search_events")["events"]
    expect(event_id in {e["event_id"] for e in found}, f"search_events finds {event_id} by its name {name!r}", found)
    few = answered(server.tool("search_events", {}, page={"limit": 1}), "search_events")["events"]
    expect(len(few) <= 1, "at most one event with ?limit=1", len(few))


def _unknown_event(server: Server) -> None:
    for tool, more in (("get_event_info", {}), ("check_inventory", {"quantity": 1})):
        reply = server.tool(tool, {"event_id": "no-such-event", **more})
        refused(reply, {404}, f"{tool} of an unknown event", {"event_not_found"})


def _side_by_side(seats: list[dict[str, Any]]) -> bool:
    """Whether the numbers follow each other, by two where a side of the hall has odd ones; names prove nothing."""
    numbers = sorted(int(seat["number"]) for seat in seats if str(seat["number"]).isdigit())
    steps = {after - before for before, after in itertools.pairwise(numbers)}
    if any(seat.get("general_admission") for seat in seats):
        return True
    return len(numbers) < len(seats) or steps in (set(), {1}, {2})


def _inventory(server: Server) -> None:
    event_id, customer = event_of(server), server.name("customer")
    for quantity in (1, 2, 4):
        wanted = {"event_id": event_id, "quantity": quantity}
        found = answered(server.tool("check_inventory", wanted, customer), "check_inventory")
        seats: list[dict[str, Any]] = found["seats"]
        ids = [seat["id"] for seat in seats]
        expect(len(set(ids)) == len(ids), "each seat once", ids)
        expect(found["available"] >= len(seats), "available counts at least what is listed", found["available"])
        if not found["adjacent"]:
            continue
        together = seats[:quantity]
        expect(len(together) == quantity, f"{quantity} seats where adjacent is true", ids)
        rows = {(seat["section"], seat["row"]) for seat in together}
        expect(len(rows) == 1, "adjacent seats in one row", sorted(rows))
        numbers = [seat["number"] for seat in together]
        expect(_side_by_side(together), "adjacent seats side by side: numbers that follow each other", numbers)


def _sections(server: Server) -> None:
    event_id = event_of(server)
    info = answered(server.tool("get_event_info", {"event_id": event_id}), "get_event_info")
    section = next((s for s in info["sections"] if s["available"]), None)
    if section is None:
        raise Skipped("no section has free seats")
    wanted = {"event_id": event_id, "quantity": 1, "section": section["section"]}
    seats = answered(server.tool("check_inventory", wanted), "check_inventory")["seats"]
    others = [seat for seat in seats if seat["section"] != section["section"]]
    expect(bool(seats) and not others, f"seats of section {section['section']} alone", seats)
    cheap = {"event_id": event_id, "quantity": 1, "max_price": section["price"]["max"]}
    seats = answered(server.tool("check_inventory", cheap), "check_inventory")["seats"]
    dear = [seat for seat in seats if seat["price"] > section["price"]["max"]]
    expect(not dear, f"no seat above max_price {section['price']['max']}", dear)


def _bad_arguments(server: Server) -> None:
    event_id, customer = event_of(server), server.name("customer")
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("check_inventory", {"event_id": event_id}, "quantity"),
        ("check_inventory", {"event_id": event_id, "quantity": 0}, "quantity"),
        ("check_inventory", {"event_id": event_id, "quantity": "many"}, "quantity"),
        ("hold_tickets", {"event_id": event_id, "seat_ids": []}, "seat_ids"),
        ("get_event_info", {}, "event_id"),
    ]
    for tool, arguments, field in cases:
        reply = server.tool(tool, arguments, customer)
        refused(reply, {422}, f"{tool} with {arguments}", {"validation_failed"})
        fields = [str(e.get("field", "")) for e in reply.body.get("errors") or [] if isinstance(e, dict)]
        expect(any(name.split(".")[0] == field for name in fields), f'"errors" naming the field {field}', reply)


def _unknown_fields(server: Server) -> None:
    reply = server.tool("get_event_info", {"event_id": event_of(server), "colour": "red"})
    refused(reply, {422}, "an argument that there is not", {"validation_failed"})


def _not_an_object(server: Server) -> None:
    bodies: tuple[Any, ...] = ([], "text", None)
    for body in bodies:
        refused(server.tool("search_events", body), {400, 422}, f"a body that is {body!r}")


def _unknown_tool(server: Server) -> None:
    refused(server.tool("no_such_tool", {}, server.name("customer")), {404}, "an unknown tool", {"unknown_tool"})


def _needs_customer(server: Server) -> None:
    wanted = {"event_id": event_of(server), "seat_ids": free_seats(server, 1, server.name("customer"))}
    reply = server.tool("hold_tickets", wanted, None, key=server.name("key"))
    refused(reply, {400}, "a hold without Usher-Customer", {"customer_required"})


def _unicode(server: Server) -> None:
    for text in ("Ελληνικά 東京 🎟️", "a\u0301\u200f\u202e", "'; DROP TABLE seats; --"):
        answered(server.tool("search_events", {"query": text}), "search_events")
    customer = server.name("customer")
    held = hold(server, customer, 1)
    wanted = {"event_id": event_of(server), "quantity": 1, "section": "Lóża 東"}
    reply = server.tool("check_inventory", wanted, customer)
    if reply.status != 200:
        refused(reply, {404}, "a section that there is not", {"section_not_found"})
    server.tool("release_hold", {"hold_id": held["hold_id"]}, customer, key=server.name("key"))


CHECKS = (
    Check("health", "Endpoints", "GET /health answers without a key", _health),
    Check("key", "Headers", "without the key nothing is told", _needs_key),
    Check("discovery", "Reading", "events are found and described, counts agree", _discovery),
    Check("unknown-event", "Errors", "an unknown event is 404 event_not_found", _unknown_event),
    Check("inventory", "Reading", "offered seats are distinct; adjacent means side by side", _inventory),
    Check("sections", "Reading", "section and max_price limit what is offered", _sections),
    Check("bad-arguments", "Errors", "bad arguments are 422 and name the fields", _bad_arguments),
    Check("unknown-fields", "Errors", "arguments that there are not are refused", _unknown_fields),
    Check("not-an-object", "Errors", "a body that is no object is refused", _not_an_object),
    Check("unknown-tool", "Errors", "an unknown tool is 404 unknown_tool", _unknown_tool),
    Check("customer", "Headers", "what is done for a customer needs Usher-Customer", _needs_customer),
    Check("unicode", "Errors", "any text is data", _unicode),
)
