"""A call for clients that demand one: arguments only from what the conversation says."""

from collections.abc import Mapping, Sequence
from typing import Any

from usher_inference.playbook.acts import Call
from usher_inference.playbook.events import search_arguments
from usher_inference.playbook.rebuild import rebuild
from usher_inference.playbook.seats import choose
from usher_inference.playbook.state import Dialogue
from usher_inference.playbook.transcript import Heard
from usher_shared.errors import InvalidRequest


def force_call(messages: Sequence[Heard], offered: Mapping[str, Mapping[str, Any]]) -> Call:
    """A call to one of the tools (name to JSON Schema) whose required arguments are all known.

    Raises InvalidRequest when there is none: an argument is never made up.
    """
    d = rebuild(messages, frozenset(offered))
    known = _known(d)
    for name, schema in offered.items():
        properties = schema.get("properties") or {}
        arguments = {key: known[key] for key in properties if known.get(key) is not None}
        if name == "search_events":
            arguments = search_arguments(d.wish)
        if all(key in arguments for key in schema.get("required") or ()):
            return Call(name, arguments)
    raise InvalidRequest(
        "a tool call is demanded, but the conversation does not say the arguments of any allowed tool",
        code="tool_choice_unsatisfiable",
        extra={"param": "tool_choice"},
    )


def _known(d: Dialogue) -> dict[str, Any]:
    seats: tuple[str, ...] = ()
    if d.checks:
        seats = tuple(seat.id for seat in choose(list(d.checks.values())[-1], d.wish).seats)
    return {
        "event_id": d.focus,
        "quantity": d.wish.quantity,
        "section": d.wish.section,
        "hold_id": d.hold.hold_id if d.hold else None,
        "order_id": d.order_focus,
        "seat_ids": list(seats) or None,
        "subject": "Customer asks for a person" if d.turn.text else None,
        "details": d.turn.text or None,
    }
