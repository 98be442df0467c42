"""Earlier turns folded into a Recollection: by code, from calls and answers, so that every id and total stays exact."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson

from usher_shared.contracts.confirmations import PROTECTED_ACTIONS
from usher_shared.contracts.recollection import Recollection
from usher_shared.contracts.tools import EventSummary

Message = dict[str, Any]

_EVENTS = 6
_SAID = 12
_LONGEST_SAID = 240
_FEW = 3  # events that a search came down to: any of them may be the one in question
_WISH = re.compile(
    r"\d|\$|€|£|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|pair|couple|row|section|aisle|balcony|floor|"
    r"front|back|stage|wheelchair|accessib\w*|cheap\w*|budget|under|at most|max\w*|together|apart|near|far|best|"
    r"prefer\w*|want|need|tonight|tomorrow|weekend|friday|saturday|sunday|birthday|kids?|children)\b",
    re.IGNORECASE,
)
_DECIDED = re.compile(
    r"The customer (declined|approved) the proposal ([^\s;.]+)|The proposal (\S+) (?:has expired|was taken back)"
)
_EVENT = frozenset(EventSummary.model_fields)
_SEARCH = ("query", "date", "city", "category")
_TERMS = ("event_id", "quantity", "section", "max_price", "accessible")


def fold(before: Recollection, turns: Iterable[list[Message]]) -> Recollection:
    """What those turns establish on top of `before`."""
    made = before.model_copy(deep=True)
    for messages in turns:
        calls: dict[str, tuple[str, dict[str, Any]]] = {}
        for message in messages:
            role = message["role"]
            if role == "user":
                _hear(made, str(message.get("content") or ""))
            elif role == "assistant":
                for call in message.get("tool_calls") or ():
                    calls[call["id"]] = (call["function"]["name"], _object(call["function"]["arguments"]))
            elif role == "tool":
                name, arguments = calls.get(message.get("tool_call_id", ""), ("", {}))
                _learn(made, name, arguments, _object(str(message.get("content") or "")))
            elif role == "system":
                _note(made, str(message.get("content") or ""))
    return made


def _object(text: str) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _hear(made: Recollection, text: str) -> None:
    text = " ".join(text.split())
    if _WISH.search(text):
        made.said = [*(said for said in made.said if said != text[:_LONGEST_SAID]), text[:_LONGEST_SAID]]
        if len(made.said) > _SAID:  # the first one says what it all began with
            made.said = [made.said[0], *made.said[-_SAID + 1 :]]


def _note(made: Recollection, text: str) -> None:
    found = _DECIDED.search(text)
    if found is None:
        return
    id, outcome = (found[2], found[1]) if found[2] else (found[3], "expired")
    for decision in made.decisions:
        if decision.get("id") == id:
            _settle(decision, outcome)


def _learn(made: Recollection, tool: str, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
    if tool in PROTECTED_ACTIONS:
        _learn_action(made, tool, arguments, answer)
    elif "error" in answer:
        return
    elif tool == "search_events":
        made.wishes = {key: value for key, value in made.wishes.items() if key not in _SEARCH}
        made.wishes |= {key: arguments[key] for key in _SEARCH if arguments.get(key)}
        events = answer.get("events") or []
        for event in events if len(events) <= _FEW else ():
            _learn_event(made, event)
    elif tool == "get_event_info":
        _learn_event(made, answer)
    elif tool == "check_inventory":
        made.wishes = {key: value for key, value in made.wishes.items() if key not in _TERMS}
        made.wishes |= {key: arguments[key] for key in _TERMS if arguments.get(key)}
        seats = (answer.get("seats") or [])[: int(arguments.get("quantity") or 1)]
        made.seats = {"event_id": answer.get("event_id"), "currency": answer.get("currency"), "seats": seats}
    elif tool == "hold_tickets":
        for replaced in answer.get("replaced") or ():
            _release(made, replaced, "replaced")
        _keep(made.holds, "hold_id", {**answer, "state": "held"})
    elif tool == "release_hold":
        _release(made, str(answer.get("hold_id")), "released")
    elif tool == "quote":
        _keep(made.quotes, "quote_id", _pick(answer, "quote_id", "action", "total", "currency", "event_name"))
    elif tool in ("get_order", "list_orders"):
        for order in answer.get("orders") or [answer]:
            _learn_order(made, order)
    elif tool == "open_support_ticket":
        _keep(made.tickets, "ticket_id", {**_pick(arguments, "subject", "order_id"), **_scalars(answer)})
    else:
        _learn_other(made, tool, answer)


def _learn_event(made: Recollection, event: dict[str, Any]) -> None:
    _keep(made.events, "event_id", {key: value for key, value in event.items() if key in _EVENT})
    made.events = made.events[-_EVENTS:]


def _learn_order(made: Recollection, order: dict[str, Any]) -> None:
    wanted = _pick(order, "order_id", "status", "event_id", "event_name", "total", "currency")
    _keep(made.orders, "order_id", {**wanted, "seats": _ids(order)})


def _learn_action(made: Recollection, tool: str, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
    waiting = [decision for decision in made.decisions if decision["outcome"] in ("waiting", "approved", "unknown")]
    if answer.get("status") == "confirmation_required":
        for decision in waiting:
            if decision["outcome"] == "waiting":
                _settle(decision, "superseded")
        proposed = _pick(answer, "summary", "total", "currency", "policy", "expires_at")
        proposal = {"id": answer.get("confirmation_id"), "action": tool, **proposed, "arguments": arguments}
        _keep(made.decisions, "id", {**proposal, "outcome": "waiting"})
        return
    error = answer.get("error")
    mine = next((decision for decision in reversed(waiting) if decision["action"] == tool), None)
    if mine is not None and error not in ("awaiting_confirmation", "confirmation_required"):
        _settle(mine, "done" if error is None else "unknown" if error == "status_unknown" else f"failed: {error}")
    if error is not None:
        return
    if tool == "create_order":  # what was wished is had
        made.wishes, made.seats = {}, None
    hold = arguments.get("hold_id")
    if isinstance(hold, str):
        _release(made, hold, "used")
    _keep(made.orders, "order_id", {"action": tool, **_scalars(answer), "seats": _ids(answer)})


def _settle(decision: dict[str, Any], outcome: str) -> None:
    decision["outcome"] = outcome
    if outcome not in ("approved", "unknown"):
        for detail in ("arguments", "policy", "expires_at"):
            decision.pop(detail, None)


def _release(made: Recollection, hold_id: str, state: str) -> None:
    for hold in made.holds:
        if hold.get("hold_id") == hold_id:
            hold.clear()
            hold.update({"hold_id": hold_id, "state": state})


def _learn_other(made: Recollection, tool: str, answer: dict[str, Any]) -> None:
    for entry in [answer, *(answer.get("entries") or ())]:
        ids = [key for key, value in entry.items() if key.endswith("_id") and isinstance(value, str)]
        if ids:
            _keep(made.others, ids[0], {"tool": tool, **_scalars(entry)})


def _pick(record: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: record[key] for key in keys if record.get(key) is not None}


def _scalars(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if isinstance(value, str | int | float) and value != ""}


def _ids(record: dict[str, Any]) -> list[str]:
    return [str(seat.get("id")) for seat in record.get("seats") or () if isinstance(seat, dict)]


def _keep(entries: list[dict[str, Any]], key: str, entry: dict[str, Any]) -> None:
    """Put the newest word on that id last."""
    entries[:] = [kept for kept in entries if kept.get(key) != entry.get(key)]
    entries.append(entry)


def shorten(made: Recollection, characters: int) -> Recollection:
    """Within that many characters of JSON. Details go first; then the oldest of what is settled, counted."""
    if len(made.to_json()) <= characters:
        return made
    short = made.model_copy(deep=True)
    for step in (_drop_details, _drop_texts):
        step(short)
        if len(short.to_json()) <= characters:
            return short
    for entries in (short.others, short.quotes, short.decisions, short.holds, short.orders, short.tickets):
        settled = [entry for entry in entries if entry.get("outcome") not in ("waiting", "approved", "unknown")]
        for entry in settled if entries is not short.holds else [e for e in settled if e.get("state") != "held"]:
            entries.remove(entry)
            short.left_out += 1
            if len(short.to_json()) <= characters:
                return short
    short.said, short.wishes, short.holds = [], {}, short.holds[-1:]
    return short


def _drop_details(short: Recollection) -> None:
    short.events = short.events[-2:]
    short.said = short.said[-4:]
    for decision in short.decisions:
        if "arguments" not in decision:
            decision.pop("summary", None)
    for order in short.orders:
        for detail in ("seats", "event_id", "credit", "balance", "value"):
            order.pop(detail, None)


def _drop_texts(short: Recollection) -> None:
    short.events, short.seats, short.said = short.events[-1:], None, [said[:80] for said in short.said[-2:]]
    for order in short.orders:
        order.pop("event_name", None)
    for ticket in short.tickets:
        ticket.pop("subject", None)
