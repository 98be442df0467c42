"""Orders that exist: looking them up, upgrading, giving tickets back for money or for store credit."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from usher_inference.playbook import failures, phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.order_wishes import CHEAPEST_UPGRADE, likeness
from usher_inference.playbook.parts import pick
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.sections import is_code, sections_named
from usher_inference.playbook.smalltalk import offer_person
from usher_inference.playbook.state import Dialogue, Task, call_key
from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import OrderView, SeatOffer

_TICKET = re.compile(r"\bticket [A-Z]+_\w+")  # a person has the matter already
_WHEN_TO_UPGRADE = re.compile(
    r"\bupgrad\w*\b.*(?:\b(?:during|once|after|until|till|while|when|mid)\b|\bhow late\b|\bin[- ]game\b|\bhalf ?time\b|"
    r"\bintermission\b|\binside\b)|\b(?:when|until when|how late|what time)\b.*\bupgrad",
    re.IGNORECASE,
)
_NAMES_PLACE = re.compile(
    r"\b(?:in|to|into|on|at) (?:the|a) \w|\bin \w+\W*$|^\W*(?:the )?\w+(?: \w+)?(?:[,.!]| please|\W*$)", re.IGNORECASE
)
_LONGEST_EVENT = timedelta(
    hours=8
)  # after the start: seats of a running event may still be changed, if its policy says
_HELD_NAME = 85.0  # at least so alike, words name the event whose seats are held
_UNTOUCHED = "nothing was changed; your order stays as it is."

NO_ORDERS = (
    "I see no orders of yours here. If you bought under another account, a person can look into it; just ask. "
    "Is there an event you would like tickets for?"
)
_NO_COMING = (
    "I see no order of yours for a coming event. If you bought under another account, a person can look into it; "
    "just ask. Is there an event you would like tickets for?"
)


def show_orders(d: Dialogue) -> Act:
    """One order or all of them."""
    step = known_orders(d)
    if step:
        return step
    asked = d.turn.heard.slots.order_id if d.turn.heard else None
    if asked:
        return Say(line_of(d, d.orders[asked]) + ".")
    if not d.orders:
        back = phrases.resumed(d.turn.asked)
        return Say(f"I see no orders of yours here. {back}" if back else NO_ORDERS)
    shown = [d.orders[id] for id in d.order_pool if id in d.orders] or list(d.orders.values())
    lead = "Here is your order:" if len(shown) == 1 else "Here are your orders:"
    text = f"{lead}\n{phrases.numbered([line_of(d, order) for order in shown[:10]])}"
    return Say(f"{text}\n{phrases.resumed(d.turn.asked)}".strip())


def line_of(d: Dialogue, order: OrderView) -> str:
    event = d.events.get(order.event_id)
    # the order's start has the venue's offset: its own hour is what the venue's clocks show
    starts = event.local_start if event else order.starts_at.strftime("%a %-d %b %Y, %H:%M")
    return phrases.order_line(order, starts)


def known_orders(d: Dialogue) -> Act | None:
    """The call or the words that are due before the customer's orders are known; None when they are."""
    wanted = d.turn.heard.slots.order_id if d.turn.heard else None
    tool, arguments = ("get_order", {"order_id": wanted}) if wanted else ("list_orders", {})
    if (wanted in d.orders) if wanted else d.orders_listed:
        return None
    failed = d.turn.failures(tool)
    if failed and failed[-1].code.endswith("not_found"):
        return Say(f"I can't find the order {wanted} among yours. Ask me for your orders to see them all.")
    if failed:
        return Say(f"I couldn't look up your orders just now, sorry. {Asked.RETRY.value}")
    if not d.can(tool):
        return Say(phrases.NO_TOOL)
    return Call(tool, arguments)


def choose_order(d: Dialogue, *, running: bool = False) -> Act | OrderView:
    """The order to change, or the step that finds out which; `running`: one whose event has begun counts too."""
    known = d.orders.get(d.order_focus or "")
    if known is None:
        step = known_orders(d)
        if step:
            return step
        known = d.orders.get(d.order_focus or "")
    if known is not None:
        return known
    since = d.now - (_LONGEST_EVENT if running else timedelta(0))
    coming = [order for order in d.orders.values() if order.seats and order.starts_at > since]
    if not coming:
        return Say(_NO_COMING)
    if d.order_unknown:
        lead = f"I see no order of yours for {phrases.quoted(d.order_unknown)}."
        if d.hold and d.event and likeness(d.order_unknown, d.event.name) >= _HELD_NAME:
            lead = f"Your seats for {d.event.name} are only held, not bought: there is nothing to change or give back."
        return _ask_which(d, coming, lead)
    fitting = [order for order in coming if order.order_id in d.order_pool] or coming
    if len(fitting) == 1:
        d.order_focus = fitting[0].order_id
        return fitting[0]
    return _ask_which(d, fitting, "You have these orders:")


def _ask_which(d: Dialogue, orders: Sequence[OrderView], lead: str) -> Say:
    if len(orders) == 1:
        return Say(f"{lead} What I see is {line_of(d, orders[0])}. {Asked.THAT_ORDER.value}")
    listed = phrases.numbered([line_of(d, order) for order in orders[:10]])
    return Say(f"{lead}\n{listed}\n{Asked.ORDER.value}")


def upgrade(d: Dialogue) -> Act:
    """Towards an upgrade that the customer is asked to confirm."""
    failed = d.turn.failures("upgrade_tickets")
    next_of_area = _targets(d)
    if failed and not (failed[-1].code == "no_better_seats" and isinstance(next_of_area, list) and next_of_area):
        return _change_failed(d, failed[-1].code, failures.charge_failed(d, failed[-1]), failures.reason(failed[-1]))
    order = choose_order(d, running=True)
    if not isinstance(order, OrderView):
        return order
    if d.upgrade_delta is None and d.upgrade_section is None and not (d.upgrade_any or d.turn.affirmed):
        rule = _upgrade_rule(d, order)
        if isinstance(rule, str) and order.event_id not in d.infos and _NAMES_PLACE.search(d.turn.text):
            house = {"event_id": order.event_id}  # with the sections' names known, the message may name one
            if d.can("get_event_info") and not d.turn.tried("get_event_info", house):
                return Call("get_event_info", house)
        return rule if isinstance(rule, Call) else Say(f"{rule}{line_of(d, order)}. {Asked.LIMIT.value}")
    arguments: dict[str, Any] = {"order_id": order.order_id}
    if d.upgrade_section:
        targets = _targets(d)
        if isinstance(targets, Call):
            return targets
        arguments["target_section"] = targets[0] if targets else d.upgrade_section
    if d.upgrade_delta is not None:
        arguments["max_price_delta"] = to_major(d.upgrade_delta, order.currency)
    return _propose(d, "upgrade_tickets", arguments)


def _targets(d: Dialogue) -> Call | list[str]:
    """The sections that the words for one mean and that were not tried yet, best first; "floor" may mean several."""
    wanted, order = d.upgrade_section, d.orders.get(d.order_focus or "")
    if not wanted or is_code(wanted) or order is None:
        return []
    arguments = {"event_id": order.event_id}
    info = d.infos.get(order.event_id)
    if info is None:
        known = d.can("get_event_info") and not d.turn.tried("get_event_info", arguments)
        return Call("get_event_info", arguments) if known else []
    tried = {step.arguments.get("target_section") for step in d.turn.done if step.tool == "upgrade_tickets"}
    return [section for section in sections_named(info, wanted, None) if section not in tried]


def _upgrade_rule(d: Dialogue, order: OrderView) -> Call | str:
    """When seats can be upgraded, from the event's policy, where that is asked; "" else."""
    if not _WHEN_TO_UPGRADE.search(d.turn.text):
        return ""
    info, arguments = d.infos.get(order.event_id), {"event_id": order.event_id}
    if info is None:
        known = d.can("get_event_info") and not d.turn.tried("get_event_info", arguments)
        return Call("get_event_info", arguments) if known else ""
    rules = [info.policies.get(topic, "").strip() for topic in ("in_game_upgrade", "upgrade")]
    told = " ".join(rule if rule[-1] in ".!?" else f"{rule}." for rule in rules if rule)
    return f"{told} " if told else "I have no rule on that for this event; the box office says when it is asked. "


def refund(d: Dialogue) -> Act:
    """Towards a refund that the customer is asked to confirm."""
    return _give_back(d, "refund_order", Asked.SEATS_BACK)


def credit(d: Dialogue) -> Act:
    """Towards store credit for tickets, which the customer is asked to confirm."""
    return _give_back(d, "credit_order", Asked.SEATS_PART)


def _give_back(d: Dialogue, action: str, which: Asked) -> Act:
    failed = d.turn.failures(action)
    if failed:
        return _change_failed(d, failed[-1].code, failures.charge_failed(d, failed[-1]), failures.reason(failed[-1]))
    order = choose_order(d)
    if not isinstance(order, OrderView):
        return order
    if not order.seats:
        return Say(f"The order {order.order_id} is already {order.status}.")
    seats = seats_meant(d, order, which)
    if isinstance(seats, Say):
        return seats
    arguments: dict[str, Any] = {"order_id": order.order_id}
    if len(seats) < len(order.seats):
        arguments["seat_ids"] = [seat.id for seat in seats]
    return _propose(d, action, arguments)


def seats_meant(d: Dialogue, order: OrderView, which: Asked) -> Sequence[SeatOffer] | Say:
    """The seats of the order that the customer spoke of, or the question which."""
    chosen = pick(d.part, order.seats)
    if chosen is not None:
        return chosen
    if d.part and d.part.count and d.part.count > len(order.seats):
        has = phrases.count(len(order.seats), "ticket")
        return Say(f"That order has {has}: {phrases.seats(order.seats)}. {which.value}")
    return Say(f"{line_of(d, order)}. {which.value}")


def _propose(d: Dialogue, action: str, arguments: dict[str, Any]) -> Act:
    """The call, unless exactly this waits for the customer's yes already."""
    if d.proposal and d.proposal_action == action and call_key(d.proposal_arguments) == call_key(arguments):
        return Say(phrases.NEED_YES)
    return Call(action, arguments)


def _change_failed(d: Dialogue, code: str, charge: str, refusal: str) -> Act:
    d.task = Task.NONE
    if code in failures.DECLINED | failures.UNKNOWN_OUTCOME | failures.PRICE_MOVED:
        return Say(charge)
    if code == "event_cancelled":
        return Say(f"{refusal} The box office refunds the orders for it; ask me for your orders to see yours.")
    told = d.turn.carried_out  # then the agent has said what went wrong
    if _TICKET.search(refusal):
        why = "" if told else f"That isn't possible by itself: {refusal} "
        return Say(f"{why}Your order stays as it is.{_ways_on(d, code)}")
    if code == "no_better_seats":
        return Say(_no_better(d, refusal))
    why = "" if told else f"That isn't possible: {refusal} "
    return offer_person(f"{why}Your order stays as it is.{_ways_on(d, code)}")


def _ways_on(d: Dialogue, code: str) -> str:
    """What else may be done with tickets whose refund or exchange the policy does not allow."""
    tried = {step.tool for step in d.turn.done}
    ways = {
        "exchange_order": "exchange the tickets for other seats or another date",
        "credit_order": "look into store credit for them",
        "refund_order": "look into a refund",
    }
    left = [way for tool, way in ways.items() if tool not in tried]
    if code != "outside_policy" or "upgrade_tickets" in tried or len(left) == len(ways):
        return ""
    return f" If you like, I can {phrases.listing(left[:2], 'or')} instead, where the event's policy allows that."


def _no_better(d: Dialogue, refusal: str) -> str:
    """That the seats are the best there are, or what stands in the way of better ones."""
    kept = "Your order stays as it is."
    if d.upgrade_section:
        return f"{refusal} {kept} {Asked.LIMIT.value}"
    if CHEAPEST_UPGRADE.search(refusal):
        return f"{refusal} {kept} {Asked.LIMIT.value}"
    if d.upgrade_delta is not None and re.search(r"\bwithin\b", refusal):
        return f"{refusal} {kept} {Asked.PERSON.value}"
    return f"Your seats are already the best that are free, so there is nothing to upgrade to. {kept}"
