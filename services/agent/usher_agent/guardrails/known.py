"""What can be said without the model when its words were withheld: the last answers of the box office."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import ValidationError

from usher_shared.contracts.money import format_money, to_minor
from usher_shared.contracts.tools import EventList, Hold, Inventory

WITHHELD = (
    "I'm sorry, I left out the rest: it named something that the box office did not tell me, and I don't guess. "
    "Please ask me for what you need, and I look it up."
)
WITHHELD_WHOLE = (
    "I'm sorry, I can't give you a reliable answer to that: what I would have said names something that the box "
    "office did not tell me, and I don't guess."
)
_MOST = 3


def withheld(checked: str, messages: Sequence[dict[str, Any]]) -> str:
    """The reply in place of one that was not borne out: its checked beginning, or what the tools said last."""
    if checked.strip():
        return f"{checked.strip()}\n\n{WITHHELD}"
    known = [said for message in messages if message["role"] == "tool" and (said := _told(message))]
    facts = f" What I know: {known[-1]}" if known else ""
    return f"{WITHHELD_WHOLE}{facts} Please ask me for what you need, and I look it up."


def _told(message: dict[str, Any]) -> str | None:
    try:
        answer = orjson.loads(message["content"])
        match message.get("name"):
            case "search_events":
                events = EventList.model_validate(answer).events[:_MOST]
                listed = "; ".join(f"{e.name}, {e.local_start}, {e.venue}" for e in events)
                return f"{listed}." if listed else None
            case "check_inventory":
                return _of_seats(Inventory.model_validate(answer))
            case "hold_tickets":
                return _of_hold(Hold.model_validate(answer))
    except (ValueError, ValidationError, TypeError):
        return None
    return None


def _of_seats(inventory: Inventory) -> str | None:
    if not inventory.seats:
        return None
    seat = inventory.seats[0]
    price = format_money(to_minor(seat.price, inventory.currency), inventory.currency)
    return f"the first free seat listed is section {seat.section}, row {seat.row}, at {price} before any fees."


def _of_hold(hold: Hold) -> str:
    cost = format_money(to_minor(hold.subtotal, hold.currency), hold.currency)
    seats = ", ".join(f"section {s.section} row {s.row} seat {s.number}" for s in hold.seats[:10])
    return f"I hold {seats} for you, {cost} before any fees; nothing is charged."
