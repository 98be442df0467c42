"""Finding the event that the customer means."""

import re
from collections.abc import Sequence
from typing import Any

from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.naming import (
    LIKE,
    Fit,
    akin,
    at_venue,
    best_fit,
    fit,
    learning_searches,
    likeness,
    names_something,
)
from usher_inference.playbook.phrases import (
    ELSEWHERE,
    MAY_WAIT,
    NO_OTHER_DATE,
    NOTHING_CALLED,
    NOTHING_NAMED,
    ON_OTHER_DATES,
    WAITS_FOR,
    Asked,
    event_line,
    event_list,
    quoted,
)
from usher_inference.playbook.state import Dialogue, Wish, call_key
from usher_inference.understanding import TimeOfDay
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import EventSummary, OrderView

_MOST_LISTED = 5
_SAME = 90.0
_VERSUS = re.compile(r"\s+(?:vs?\.?|versus|against|@)\s+", re.IGNORECASE)
_ALSO_CALLED = {"music": "concert", "theatre": "musical", "sports": "game"}  # catalogues name kinds as they like
_HOURS = {
    TimeOfDay.MORNING: range(5, 12),
    TimeOfDay.AFTERNOON: range(12, 17),
    TimeOfDay.EVENING: range(17, 24),
    TimeOfDay.NIGHT: range(17, 24),
}


def search_arguments(wish: Wish) -> dict[str, Any]:
    """The arguments of `search_events` for all that the wish says."""
    arguments: dict[str, Any] = {}
    if wish.query:
        arguments["query"] = wish.query[:200]
    if wish.date:
        first, last = wish.date.start.isoformat(), wish.date.end.isoformat()
        arguments["date"] = first if first == last else f"{first}/{last}"
    if wish.city:
        arguments["city"] = wish.city[:100]
    if wish.category and not wish.query:
        arguments["category"] = wish.category
    return arguments


def find_event(d: Dialogue) -> Act | None:
    """The next step towards one event: a search, a question, or None when `d.focus` says which."""
    if d.focus:
        return None
    if not d.wish.has_criteria():
        unread = learn_names(d)
        if unread:
            return unread
        if d.former:
            d.focus, d.former = d.former, None
            return None
        return Say(f"Gladly. {Asked.EVENT.value}")
    nearest: list[EventSummary] = []  # found, but not by the name that was said
    for arguments, lead in _attempts(d.wish):
        found = d.searches.get(call_key(arguments))
        if found is None:
            return _search(d, arguments)
        matching = narrow(_coming(d, found), d.wish, keep_dates="date" in arguments)
        named = "query" in arguments
        matching = _not_cancelled(matching, named=named)
        if matching and (not named or len(arguments) == 1 or _is_surely(matching, d.wish, arguments)):
            if named and not best_fit(d.wish.query, matching):
                return _present(d, nearest or matching, "", named=True)
            if named and nearest and best_fit(d.wish.query, matching) <= best_fit(d.wish.query, nearest):
                return _present(d, nearest, "", named=True)
            return _present(d, matching, lead or _not_there(d.wish, matching), named=named)
        nearest = nearest or matching
    return _nothing(d)


def learn_names(d: Dialogue) -> Act | None:
    """The search for words of the message that may be a name; None where there are none, or all was searched for."""
    if not names_something(d) or not d.can("search_events"):
        return None
    for arguments in learning_searches(d):
        if call_key(arguments) not in d.searches and not d.turn.tried("search_events", arguments):
            return Call("search_events", dict(arguments))
    return None


def _is_surely(matching: Sequence[EventSummary], wish: Wish, arguments: dict[str, Any]) -> bool:
    """Whether the search need not be loosened: in a city, a name that is only near may be exact elsewhere."""
    return best_fit(wish.query, matching) >= (Fit.EXACT if "city" in arguments else Fit.NEAR)


def other_dates(d: Dialogue, event: EventSummary, lead: str, *, waits: bool = False) -> Act:
    """The same event on other dates, listed after the words that say why; `waits`: the wait list may be offered too."""
    arguments = {"query": event.name}
    found = d.searches.get(call_key(arguments))
    if found is None and d.can("search_events") and not d.turn.tried("search_events", arguments):
        return Call("search_events", arguments)
    others = [
        other
        for other in _coming(d, found or ())
        if other.event_id != event.event_id and other.status == "on_sale" and likeness(event.name, other) >= _SAME
    ][:_MOST_LISTED]
    if not others:
        return Say(f"{lead} I see no other dates for it. {WAITS_FOR if waits else Asked.EVENT.value}")
    also = f"{MAY_WAIT} " if waits else ""
    if len(others) == 1:
        return Say(f"{lead} It is also on: {event_line(others[0])}. {also}{Asked.THIS.value}")
    return Say(f"{lead} There is this on other dates:\n{event_list(others)}\n{also}{Asked.WHICH.value}")


def _not_there(wish: Wish, matching: Sequence[EventSummary]) -> str:
    """The words that own up to the name being found, but not at the venue that was said."""
    if not wish.venue or not wish.query or any(at_venue(wish.venue, event) for event in matching):
        return ""
    return f"I found no {quoted(wish.query)} at {quoted(wish.venue)}, {ELSEWHERE}"


def _not_cancelled(matching: Sequence[EventSummary], *, named: bool) -> list[EventSummary]:
    """What may be offered: a cancelled event is only spoken of where it alone bears the name that was said."""
    held = [event for event in matching if event.status != "cancelled"]
    return held or (list(matching[:1]) if named else [])


def _coming(d: Dialogue, found: Sequence[str]) -> list[EventSummary]:
    known = [d.events[id] for id in found if id not in d.wish.other_than]
    return [event for event in known if event.status != "past" and event.starts_at > d.now]


def _search(d: Dialogue, arguments: dict[str, Any]) -> Act:
    if not d.can("search_events"):
        return Say("I can't look up events in this conversation, sorry.")
    if d.turn.tried("search_events", arguments):
        return Say(f"I couldn't search the events just now, sorry. {Asked.RETRY.value}")
    return Call("search_events", arguments)


def _attempts(wish: Wish) -> list[tuple[dict[str, Any], str]]:
    """Searches from the exact to the loose, each with the words that own up to what was dropped."""
    full = search_arguments(wish)
    attempts: list[tuple[dict[str, Any], str]] = [(full, "")]
    query, day = wish.query or "that", f" for {wish.date.surface}" if wish.date else ""
    if full.get("category") in _ALSO_CALLED:
        attempts.append((full | {"category": _ALSO_CALLED[full["category"]]}, ""))
    if "category" in full:
        attempts.append((_without(full, "category"), f"I found no {wish.category} events{day}, but there is this:"))
    if "date" in full and len(full) > 1:
        attempts.append((_without(full, "date"), f"I found nothing{day}, {ON_OTHER_DATES}"))
    if "city" in full and "query" in full:
        elsewhere = f"I found no {quoted(query)} in {wish.city}, {ELSEWHERE}"
        attempts.append((_without(full, "city", "date"), elsewhere))
    elif "city" in full:
        elsewhere = f"I found nothing like that in {wish.city}, {ELSEWHERE}"
        attempts += [(_without(arguments, "city"), elsewhere) for arguments, _ in attempts[:2] if len(arguments) > 1]
    if "query" in full and len(full) > 1:
        attempts.append((_without(full, "query"), f"{NOTHING_NAMED} {quoted(query)}, but there is this:"))
    return attempts


def _without(arguments: dict[str, Any], *dropped: str) -> dict[str, Any]:
    return {key: value for key, value in arguments.items() if key not in dropped}


def narrow(events: Sequence[EventSummary], wish: Wish, *, keep_dates: bool) -> list[EventSummary]:
    """The events that fit the name and the hour; all of them where the hour fits none."""
    fitting = list(events)
    if wish.query and len(fitting) > 1:
        scores = {event.event_id: likeness(wish.query, event) for event in fitting}
        best = max(scores.values())
        fitting = [event for event in fitting if scores[event.event_id] >= max(best - 8, min(best, LIKE))]
    if wish.venue:
        there = [event for event in fitting if at_venue(wish.venue, event)]
        fitting = there or fitting
    if keep_dates and wish.date:
        fitting = [event for event in fitting if wish.date.covers(event.starts_at.date())]
    limit = wish.limit_each(wish.quantity or 1)
    if limit is not None:
        payable = [e for e in fitting if e.price_from is not None and to_minor(e.price_from, e.currency) <= limit]
        fitting = payable or fitting
    timed = [event for event in fitting if _fits_hour(event, wish)]
    return timed or fitting


def _fits_hour(event: EventSummary, wish: Wish) -> bool:
    if wish.clock and (event.starts_at.hour, event.starts_at.minute) != (wish.clock.hour, wish.clock.minute):
        return False
    return wish.time_of_day is None or event.starts_at.hour in _HOURS[wish.time_of_day]


def _soonest_first(event: EventSummary) -> float:
    return event.starts_at.timestamp()


def _cheapest_first(event: EventSummary) -> float:
    return float("inf") if event.price_from is None else event.price_from


def _present(d: Dialogue, matching: list[EventSummary], lead: str, *, named: bool) -> Act | None:
    if len(matching) == 1 and (not lead or matching[0].status == "cancelled"):
        return _settle(d, matching[0], named=named)
    if not named:
        matching = sorted(matching, key=_cheapest_first if d.wish.cheapest else _soonest_first)
    shown = matching[:_MOST_LISTED]
    asked_already = d.turn.asked is Asked.WHICH and {event.event_id for event in shown} == {*d.listed}
    d.listed = tuple(event.event_id for event in shown)
    if len(shown) == 1:
        return Say(f"{lead} {event_line(shown[0])}. {Asked.THIS.value}")
    more = len(matching) - len(shown)
    if named and not lead and not best_fit(d.wish.query, matching):
        lead = f"{_not_called(d)} The nearest are:"
    if asked_already and not (lead and d.turn.renamed):
        return Say(
            f"That leaves {len(shown)} of them; the number in the list, the time or the place tells them apart:\n"
            f"{event_list(shown)}\n{Asked.WHICH.value}"
        )
    opening = lead or ("Here is what I found:" if not more else f"Here are {len(shown)} of {len(matching)} events:")
    closing = Asked.WHICH.value + (" You can also name an artist or a day." if more else "")
    return Say(f"{opening}\n{event_list(shown)}\n{closing}")


def _settle(d: Dialogue, only: EventSummary, *, named: bool) -> Act | None:
    """The only event found is the one, unless it bears another name: then the customer is asked."""
    query = d.wish.query
    if named and query and not fit(query, d.infos.get(only.event_id, only)):
        arguments = {"event_id": only.event_id}
        if only.event_id not in d.infos and d.can("get_event_info") and not d.turn.tried("get_event_info", arguments):
            return Call("get_event_info", arguments)  # its performers may bear the name
        if not akin(query, d.infos.get(only.event_id, only)):
            return _nothing(d)
        d.listed = (only.event_id,)
        return Say(f"{_not_called(d)} The nearest is {event_line(only)}. {Asked.MEANT.value}")
    d.focus = only.event_id
    return None


def _not_called(d: Dialogue) -> str:
    """The words for a name that nothing found bears; of an exchange for another date the name is known well."""
    order = d.orders.get(d.exchanged or "")
    named = quoted(d.wish.query or "")
    return f"{NO_OTHER_DATE} {named}." if order and d.wish.query == order.event_name else f"{NOTHING_NAMED} {named}."


def _sides_of(d: Dialogue, order: OrderView) -> Act:
    """An order's event that is on no other date: what else its teams or artists do."""
    sides = [side.strip() for side in _VERSUS.split(order.event_name)]
    event = d.events.get(order.event_id)
    for name in dict.fromkeys([*(sides if len(sides) > 1 else ()), *getattr(event, "performers", ())]):
        arguments = {"query": name}
        found = d.searches.get(call_key(arguments))
        if found is None and d.can("search_events") and not d.turn.tried("search_events", arguments):
            return Call("search_events", arguments)
        others = [e for e in _coming(d, found or ()) if e.event_id != order.event_id and fit(name, e)]
        matching = [e for e in others if e.status == "on_sale"]
        if matching:
            d.wish.section = None
            return _present(d, matching, f"{NO_OTHER_DATE} {quoted(order.event_name)}.", named=True) or _nothing(d)
    d.wish.query = d.wish.section = None
    return Say(f"There are no other dates for {order.event_name}. Your tickets stay as they are. {Asked.EVENT.value}")


def _nothing(d: Dialogue) -> Act:
    wish = d.wish
    order = d.orders.get(d.exchanged or "")
    if order and wish.query == order.event_name:
        return _sides_of(d, order)
    if d.last_text.startswith(NOTHING_CALLED) and d.turn.asked is Asked.EVENT:
        return Say(
            f"I still found nothing that fits. You could name the artist, the team or a day. {Asked.PERSON.value}"
        )
    if wish.query:
        return Say(f"{NOTHING_CALLED} {quoted(wish.query)}. {Asked.EVENT.value}")
    where = f" in {wish.city}" if wish.city else ""
    if wish.date:
        return Say(f"I found no events{where} for {wish.date.surface}. {Asked.OTHER_DATES.value}")
    return Say(f"I found no events{where}. {Asked.EVENT.value}")
