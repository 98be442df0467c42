"""Finding an event to sell, and seats of it: what most checks begin with."""

from __future__ import annotations

from typing import Any

from usher_evals.conformance.checking import Skipped, answered
from usher_evals.conformance.server import Server

_ENOUGH = 40


def event_of(server: Server) -> str:
    """The event that was named, else the first on sale with seats enough. Raises Skipped."""
    if server.event_id is None:
        events = answered(server.tool("search_events", {}), "search_events")["events"]
        fitting = [e for e in events if e["status"] == "on_sale" and e["available"] >= _ENOUGH]
        if not fitting:
            raise Skipped(f"search_events finds no event on sale with {_ENOUGH} free seats; name one with --event")
        server.event_id = str(fitting[0]["event_id"])
    return server.event_id


def section_of(server: Server) -> str:
    """The section with seats of its own that has the most free ones. Raises Skipped where there is none."""
    info = answered(server.tool("get_event_info", {"event_id": event_of(server)}), "get_event_info")
    seated = [section for section in info["sections"] if not section.get("general_admission")]
    if not seated:
        raise Skipped("the event has no section with reserved seats; name another with --event")
    return str(max(seated, key=lambda section: section["available"])["section"])


def free_seats(server: Server, count: int, customer: str) -> list[str]:
    """That many free seats, those offered. Raises Skipped when there are fewer."""
    wanted = {"event_id": event_of(server), "quantity": count, "section": section_of(server)}
    found = answered(server.tool("check_inventory", wanted, customer), "check_inventory")["seats"]
    if len(found) < count:
        raise Skipped(f"the event has no {count} free seats left in a section")
    return [str(seat["id"]) for seat in found[:count]]


def hold(server: Server, customer: str, count: int = 2, *, seconds: int = 300) -> dict[str, Any]:
    """The answer of holding free seats."""
    wanted = {
        "event_id": event_of(server),
        "seat_ids": free_seats(server, count, customer),
        "expires_in_seconds": seconds,
    }
    return answered(server.tool("hold_tickets", wanted, customer, key=server.name("hold")), "hold_tickets")


def quote(server: Server, customer: str, action: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The answer of quoting the action."""
    return answered(server.tool("quote", {"action": action, "arguments": arguments}, customer), "quote")


def quote_purchase(server: Server, customer: str, hold_id: str) -> dict[str, Any]:
    """As Usher asks: with the customer and the payment method on file."""
    arguments = {"hold_id": hold_id, "customer_id": customer, "payment_method_token": "default"}
    return quote(server, customer, "create_order", arguments)


def buy(server: Server, customer: str, count: int = 2) -> dict[str, Any]:
    """The answer of buying free seats."""
    bought = quote_purchase(server, customer, hold(server, customer, count)["hold_id"])
    return answered(server.act(bought, customer), "create_order")


def orders_of(server: Server, customer: str) -> list[dict[str, Any]]:
    body = answered(server.tool("list_orders", {"customer_id": customer}, customer), "list_orders")
    found: list[dict[str, Any]] = body["orders"]
    return found
