"""Buying: from an event to seats, to a hold, to an order that the customer is asked to confirm."""

import re

from usher_inference.playbook import failures, phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.events import find_event, other_dates
from usher_inference.playbook.exchanges import exchange_call, exchange_failed
from usher_inference.playbook.interjections import asks_something_else
from usher_inference.playbook.naming import words_beyond
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.recalling import recall
from usher_inference.playbook.seat_wishes import FRONT
from usher_inference.playbook.seats import (
    MOST_SEATS,
    Pick,
    check_arguments,
    choose,
    listings,
    needs_wide_listing,
    price_steps,
)
from usher_inference.playbook.sections import areas, is_code, sections_but, sections_called, sections_named, told
from usher_inference.playbook.state import Dialogue, Wish, call_key
from usher_inference.understanding import Comparative
from usher_shared.contracts.tools import EventInfo, EventSummary, Hold, Inventory

_OTHER_DATES = re.compile(
    r"\b(?:what|which|any|are there|is there|got|have|show|see)\b[\w' ]{0,20}\b(?:other|different|more|another) "
    r"(?:dates?|days?|nights?|performances?)\b",
    re.IGNORECASE,
)
_BETTER = frozenset({Comparative.BETTER, Comparative.CLOSER, Comparative.LOWER})


def continue_purchase(d: Dialogue) -> Act:
    """The next step of the purchase."""
    trouble = failures.of_purchase(d) or failures.of_hold(d) or exchange_failed(d)
    if trouble:
        return trouble
    if d.hold and d.turn.too_many and d.most_seats:
        kept = f"{phrases.seats(d.hold.seats)} stay held for you {phrases.remaining(d.now, d.hold.expires_at)}"
        most = phrases.count(d.most_seats, "ticket")
        return Say(f"An order can have at most {most}, so I left it as it was: {kept}. {Asked.QUANTITY.value}")
    if d.hold and d.hold_stale:
        return _release_first(d)
    if d.hold:
        return _order_or_wait(d)
    step = recall(d) or find_event(d)
    if step:
        return step
    event = d.event
    if event is None:  # named by a tool call whose event was never described
        return describe(d)
    if _OTHER_DATES.search(d.turn.text) and d.exchanged is None and d.wish.quantity is None and not d.wish.date:
        return other_dates(d, event, f"{event.name} is on {event.local_start}.")
    return _unavailable(d, event) or _seats_of(d, event)


def may_name_section(d: Dialogue) -> bool:
    """Whether the message has words not understood yet that the house's own list of sections may explain."""
    heard, arguments = d.turn.heard, {"event_id": d.focus or ""}
    if d.event is None or d.focus in d.infos or d.wish.section or heard is None or heard.slots.section:
        return False
    known = d.can("get_event_info") and not d.turn.tried("get_event_info", arguments)
    return known and bool(words_beyond(d, d.event))


def describe(d: Dialogue) -> Act:
    """The call that tells all of the event in question."""
    arguments = {"event_id": d.focus or ""}
    if d.can("get_event_info") and d.focus and not d.turn.tried("get_event_info", arguments):
        return Call("get_event_info", arguments)
    d.focus = None
    return Say(f"I couldn't look that event up, sorry. {Asked.EVENT.value}")


def _release_first(d: Dialogue) -> Act:
    assert d.hold  # noqa: S101  the caller saw it
    if d.can("release_hold"):
        return Call("release_hold", {"hold_id": d.hold.hold_id})
    return Say("I can't give the held seats back here; the hold ends by itself.")


def _order_or_wait(d: Dialogue) -> Act:
    assert d.hold  # noqa: S101  the caller saw it
    where = phrases.seats(d.hold.seats)
    left = phrases.remaining(d.now, d.hold.expires_at)
    slots = d.turn.heard.slots if d.turn.heard and not d.turn.done else None
    if slots and not d.turn.affirmed and _BETTER & {*slots.comparatives}:
        return Say(
            f"I found nothing better free that fits what you asked for. {'' if d.proposal else Asked.PREPARE}".strip()
        )
    if d.proposal:
        return Say(phrases.NEED_YES)
    if d.wish.buying:
        over = _over_budget(d, d.hold)
        if over:
            return over
        if d.exchanged:
            return exchange_call(d, d.hold.hold_id)
        keeps_credit = {"use_credit": False} if d.wish.keeps_credit else {}
        return Call("create_order", {"hold_id": d.hold.hold_id, **keeps_credit})
    cost = phrases.money(d.hold.subtotal, d.hold.currency)
    return Say(f"I hold {where} for you {left}: {cost} before any fees. {Asked.PREPARE.value}")


def _over_budget(d: Dialogue, hold: Hold) -> Act | None:
    """Where a limit for everything was named: the total with fees is asked for first, and a breach is owned up to."""
    limit, quote = d.wish.total, d.quotes.get(hold.hold_id)
    if limit is None or d.wish.over_is_fine or not d.can("quote"):
        return None
    arguments = {"action": "create_order", "arguments": {"hold_id": hold.hold_id}}
    if quote is None:
        return None if d.turn.failures("quote") else Call("quote", arguments)
    if quote.total_minor <= limit:
        return None
    total, most = phrases.money_minor(quote.total_minor, quote.currency), phrases.money_minor(limit, quote.currency)
    return Say(
        f"I hold {phrases.seats(hold.seats)} for you, but with fees that comes to {total}, over your {most}. "
        f"{Asked.CHEAPER.value}"
    )


def _unavailable(d: Dialogue, event: EventSummary) -> Act | None:
    refused = {failed.code for failed in d.turn.failures("create_order")}
    if refused & failures.EVENT_GONE.keys():
        why = "is off" if event.status == "cancelled" else "is no longer sold"
        return other_dates(d, event, f"{phrases.named_event(event)} {why}, so there is no order.")
    if event.status == "cancelled":
        return other_dates(d, event, f"{phrases.named_event(event)} was cancelled.")
    if event.status == "past" or event.starts_at <= d.now:
        return other_dates(d, event, f"{phrases.named_event(event)} is over.")
    if event.status == "sold_out":
        return other_dates(d, event, _sold_out(event), waits=d.can("join_wait_list"))
    return None


def _seats_of(d: Dialogue, event: EventSummary) -> Act:
    quantity = d.wish.quantity
    if may_name_section(d):
        return describe(d)
    if quantity is None and asks_something_else(d):
        return Say(f"{phrases.UNKNOWN} {phrases.named_event(event)}, and I don't want to guess. {Asked.PERSON.value}")
    if quantity is None:
        price = "" if event.price_from is None else f", from {phrases.money(event.price_from, event.currency)} a seat"
        return Say(f"{phrases.named_event(event)}{price}. {Asked.QUANTITY.value}")
    # for more than can be looked for at once, a look at one seat tells how many an order may have
    checked = _check(d, event, quantity if quantity <= MOST_SEATS else 1)
    most = d.most_seats or MOST_SEATS
    if isinstance(checked, Inventory) and quantity > most:
        return Say(
            f"One order can have at most {most} tickets. You can name a smaller number of tickets, or a person can "
            f"help with a larger group. {Asked.PERSON.value}"
        )
    return checked if isinstance(checked, (Say, Call)) else _offer(d, event, checked)


def _check(d: Dialogue, event: EventSummary, quantity: int) -> Act | Inventory:
    """The free seats for the wish, or the call that asks for them."""
    if not d.can("check_inventory"):
        return Say("I can't check seats in this conversation, sorry.")
    info = d.infos.get(event.event_id)
    unknown = any(failed.code == "section_not_found" for failed in d.turn.failures("check_inventory"))
    called = d.wish.section is not None and not is_code(d.wish.section)
    if (
        info is None
        and (d.wish.cheapest or d.wish.avoid or _row_anywhere(d.wish) or unknown or called)
        and d.can("get_event_info")
    ):
        return describe(d)
    if info and d.wish.section and not sections_called(info, d.wish.section):
        parts = phrases.listing(areas(info))
        lead = f"There is no {phrases.quoted(d.wish.section)} at {event.venue}."
        return Say(f"{lead} There are: {parts}. {Asked.OTHER_SEATS.value}")
    newest: Inventory | None = None
    for section, limit, listed in _searches(d, info, quantity):
        arguments = check_arguments(d, event.event_id, listed, section, limit)
        newest = d.checks.get(call_key(arguments))
        if newest is None:
            failed = d.turn.tried("check_inventory", arguments)
            if failed is None:
                return Call("check_inventory", arguments)
            return failures.of_check(failed)
        pick = choose(newest, d.wish)
        if len(pick.seats) >= quantity and (pick.exact or not needs_wide_listing(d.wish)):
            break
    return newest or Say(phrases.TROUBLE)


def _row_anywhere(wish: Wish) -> bool:
    """Whether a row is wished for that may be of any section: the best ones are gone through."""
    return bool(wish.row and not wish.section and not wish.near)


def _searches(d: Dialogue, info: EventInfo | None, quantity: int) -> list[tuple[str | None, int | None, int]]:
    """Sections, price limits and lengths of the listing to look through, best first; None stands for any."""
    limit = d.wish.limit_each(quantity)
    sections: list[str | None] = [d.wish.section]
    if d.wish.row and d.wish.near and not d.wish.section:
        sections = [d.wish.near, None]
    if info and d.wish.section:
        sections = [*sections_named(info, d.wish.section, limit)] or sections
    if info and not d.wish.section and (d.wish.avoid or _row_anywhere(d.wish)):
        sections = [*sections_but(info, d.wish.avoid or "", limit, cheapest=d.wish.cheapest)[:3]] or sections
    lengths = listings(d.wish, quantity)
    if d.wish.cheapest and info:
        steps = [*price_steps(info, d.wish, sections), limit]
        return [(section, step, lengths[-1]) for step in steps for section in sections][:4]
    return [(section, limit, length) for section in sections for length in lengths][:4]


def _offer(d: Dialogue, event: EventSummary, inventory: Inventory) -> Act:
    pick = choose(inventory, d.wish)
    if not pick.seats:
        return _nothing_suits(d, event, inventory)
    ids = tuple(seat.id for seat in pick.seats)
    wants_now = d.wish.buying or d.wish.holding
    apology = _apology(d) or _no_better(d, ids) or _unsure(d)
    if ids == d.wish.accepted or (wants_now and pick.exact and not apology and not _refused_now(d)):
        return _hold(d, event, ids)
    return Say(f"{apology}{_offer_text(d, event, pick)} {Asked.OFFER.value}")


def _refused_now(d: Dialogue) -> bool:
    """Whether the message turned something down or let other seats be shown: then seats are shown, not taken."""
    shown_others = d.turn.asked is Asked.OTHER_SEATS and d.turn.affirmed
    return shown_others or (d.turn.refused and not d.turn.seat_terms_changed)


def _hold(d: Dialogue, event: EventSummary, ids: tuple[str, ...]) -> Act:
    arguments = {"event_id": event.event_id, "seat_ids": list(ids)}
    if not d.can("hold_tickets"):
        return Say("I can't hold seats in this conversation, sorry.")
    if d.turn.tried("hold_tickets", arguments):
        return Say(f"I couldn't hold those seats, sorry. {Asked.OTHER_SEATS.value}")
    return Call("hold_tickets", arguments)


def _apology(d: Dialogue) -> str:
    if d.turn.carried_out and d.turn.failures("create_order"):
        return "There is no order yet. "  # why, the agent has said
    if d.turn.failures("hold_tickets"):
        return "Those seats have just been taken, I'm sorry. "
    if d.turn.lost_hold or any(failures.lost_hold(f) for f in d.turn.failures("create_order")):
        return "The hold on your seats ran out, so nothing was charged. "
    return ""


def _no_better(d: Dialogue, ids: tuple[str, ...]) -> str:
    """The words to say that the seats just shown are the best there are, where better ones were asked for."""
    slots = d.turn.heard.slots if d.turn.heard else None
    wanted = slots is not None and _BETTER & {*slots.comparatives}
    same = d.turn.asked is Asked.OFFER and ids == tuple(seat.id for seat in d.offer)
    return "Nothing better is free. " if wanted and same else ""


def _unsure(d: Dialogue) -> str:
    """An aisle or the very front was wished for, which no listing tells: then seats are shown before they are held."""
    if d.turn.heard is None or d.turn.asked is Asked.OFFER:
        return ""
    if d.turn.heard.slots.aisle:
        return "I can't see which seats lie on an aisle, sorry. "
    return "I can't see which row is the very front, sorry. " if FRONT.search(d.turn.text) else ""


def _offer_text(d: Dialogue, event: EventSummary, pick: Pick) -> str:
    quantity = d.wish.quantity or len(pick.seats)
    where = phrases.seats_with_prices(pick.seats, event.currency, pick.beside)
    lead = f"For {phrases.named_event(event)} the best I have is "
    if d.wish.cheapest:
        lead = f"For {phrases.named_event(event)} the cheapest I have is "
    if len(pick.seats) < quantity:
        return f"I can't get {quantity} seats there. {lead}{phrases.count(len(pick.seats), 'seat')}: {where}."
    return f"{lead}{where}."


def _nothing_suits(d: Dialogue, event: EventSummary, inventory: Inventory) -> Act:
    """Says what stands in the way: the price, the section, the row, or that all is gone."""
    wish = d.wish
    limit = wish.limit_each(wish.quantity or 1)
    info = d.infos.get(event.event_id)
    places = [told(info, wish.section) if wish.section else "", f"row {wish.row}" if wish.row else ""]
    where = ", ".join(place for place in places if place)
    where = f" in {where}" if where else ""
    waits = f"{phrases.MAY_WAIT} " if d.can("join_wait_list") and not wish.row and not wish.relative else ""
    if wish.passed and inventory.seats:
        return Say(f"I have no other such seats for {phrases.named_event(event)}. {Asked.OTHER_SEATS.value}")
    if wish.accessible:
        lead = f"I found no free accessible seats{where} for {phrases.named_event(event)}."
        return Say(f"{lead} {waits}{Asked.PERSON.value}")
    if needs_wide_listing(wish) and inventory.available > len(inventory.seats):
        listed = f"the {len(inventory.seats)} best free seats"
        return Say(f"I don't see those among {listed} for {phrases.named_event(event)}. {Asked.OTHER_SEATS.value}")
    if limit is not None or where:
        price = f" for {phrases.money_minor(limit, event.currency)} or less a seat" if limit is not None else ""
        price = " that cost less" if wish.relative else price  # the limit was reckoned, not said
        least = event.price_from if limit is not None and not where else None
        start = f" Prices start at {phrases.money(least, event.currency)} a seat." if least is not None else ""
        lead = f"I found no free seats{where}{price} for {phrases.named_event(event)}.{start}"
        return Say(f"{lead} {waits}{Asked.OTHER_SEATS.value}")
    return other_dates(d, event, _sold_out(event), waits=d.can("join_wait_list"))


def _sold_out(event: EventSummary) -> str:
    return f"I'm sorry, {phrases.named_event(event)} is sold out."
