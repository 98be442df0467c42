"""Deciding the next act from the state: which flow goes on, and when to stop."""

import re
from collections.abc import Sequence

from usher_inference.playbook import (
    comparing,
    elsewhere,
    helping,
    knowledge,
    options,
    orders,
    own,
    papers,
    paying,
    phrases,
    preferences,
    purchase,
    questions,
    smalltalk,
    waiting,
)
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.beyond import Beyond, reply
from usher_inference.playbook.closing import report
from usher_inference.playbook.errands import remind
from usher_inference.playbook.exchanges import settle_exchange
from usher_inference.playbook.interjections import interject, whole_number
from usher_inference.playbook.limits import sets_no_limit
from usher_inference.playbook.persistence import way_on
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.rebuild import rebuild
from usher_inference.playbook.state import Dialogue, Task
from usher_inference.playbook.transcript import Heard
from usher_inference.understanding import Intent, Slots
from usher_shared.contracts.handover import HAND_OVER, OWNERS
from usher_shared.contracts.tools import HoldReleased

_THINKING = re.compile(
    r"\b(?:let me|need to|want to|have to) (?:think|check|ask)\b|\bthink (?:about it|it over)\b|\bnot sure\b|"
    r"\b(?:one|a|just a) (?:moment|minute|second|sec)\b|^\W*(?:wait|hold on|hang on|hmm+)\W*$|\bmaybe later\b",
    re.IGNORECASE,
)
_CHANGES = (Task.UPGRADE, Task.REFUND, Task.CREDIT, Task.EXCHANGE)  # of an order that there is
_MOST_STEPS = 9  # tool answers after one message; no flow needs more


def next_act(messages: Sequence[Heard], offered_tools: frozenset[str]) -> Act:
    """The next tool call or text. Pure but for the clock where the system message names no time."""
    d = rebuild(messages, offered_tools)
    act = _decide(d)
    if isinstance(act, Say):
        return Say(remind(d, way_on(d, act.text)))
    if len(d.turn.done) >= _MOST_STEPS or d.turn.tried(act.tool, act.arguments):
        return Say(phrases.TROUBLE)
    return act if d.can(act.tool) else _pass_on(d, act)


def _pass_on(d: Dialogue, act: Call) -> Act:
    """The colleague who has the tool goes on; this one says that it cannot when nobody takes it over."""
    owner = OWNERS.get(act.tool)
    if owner is None or d.turn.alone or not d.can(HAND_OVER):
        return Say(phrases.NO_TOOL)
    return Call(HAND_OVER, {"specialist": owner, "reason": f"needs {act.tool}"})


def _decide(d: Dialogue) -> Act:
    if d.turn.heard is None:
        return Say(phrases.GREETING)
    if d.turn.early and d.proposal:
        return Say(phrases.EARLY_YES)
    if d.turn.beyond:
        known = knowledge.aside(d) if d.turn.beyond is Beyond.ELSEWHERE else None
        return known or Say(reply(d.turn.beyond, d.turn.asked))
    if d.turn.done:
        last = d.turn.done[-1]
        goes_on = isinstance(last.result, HoldReleased) and (
            d.turn.seat_terms_changed
            or d.task is Task.LEAVE
            or d.turn.failures("exchange_order")
            or (d.turn.declined and d.task in _CHANGES)
        )
        said = None if goes_on else report(d, last)
        if said:
            return Say(said)
    likes = preferences.answer(d)
    if likes:
        return likes
    if d.kept:
        return elsewhere.answer(d, d.kept)
    if d.turn.requested:
        return _after_decline(d) or _go_on(d)
    aside = (
        comparing.answer(d)
        or paying.answer(d)
        or _after_decline(d)
        or own.tell_called_off(d)
        or own.tell_date(d)
        or own.answer(d)
        or paying.tell_outcome(d)
    )
    return aside or helping.answer(d) or knowledge.aside(d) or _answer(d) or _go_on(d)


def _after_decline(d: Dialogue) -> Act | None:
    """A declined proposal: changed wishes go on; a plain no gives the seats back."""
    declined = d.turn.declined
    served = (Task.PURCHASE, Task.TAKE, Task.RELEASE, *_CHANGES)
    if declined is None or d.turn.seat_terms_changed or d.task not in served:
        return None
    if _THINKING.search(d.turn.text) and d.hold:
        return _no_hurry(d)
    if d.turn.order_terms_changed and d.task in _CHANGES:
        return None
    if d.turn.declined_action not in ("create_order", "exchange_order"):
        if d.turn.requested:
            return None  # "no, can I get credit instead?"
        return Say("All right, nothing was changed; your order stays as it is. Is there anything else I can do?")
    held = d.turn.declined_arguments.get("hold_id")
    if d.turn.done and d.task in _CHANGES:
        return None  # what is asked for now comes after the seats were given back
    if held and d.can("release_hold"):
        return Call("release_hold", {"hold_id": held})
    return Say(f"All right, nothing was charged. {Asked.KEEP_BUYING.value}")


def _answer(d: Dialogue) -> Act | None:
    """A question comes before the flow that it interrupts."""
    return questions.answer(d, d.turn.topic) if d.turn.topic else None


def _go_on(d: Dialogue) -> Act:
    intent = d.turn.heard.intent if d.turn.heard else Intent.OTHER
    if intent is Intent.BYE and d.hold and not d.turn.done:
        return _release(d)
    if intent is Intent.AFFIRM and d.turn.asked is None and d.turn.heard and Intent.BYE in d.turn.heard.also:
        return smalltalk.chat(d, Intent.BYE)
    if d.turn.gives_back:
        intent = Intent.REFUND
    return _talk(d, intent) or _flow(d, intent)


def _talk(d: Dialogue, intent: Intent) -> Act | None:
    """What needs no flow: courtesies, matters that no tool covers, a change that is let be."""
    matter = smalltalk.says_no_more(d.turn.text)  # "hi, I have a problem" is more than a greeting
    if intent in (Intent.GREET, Intent.THANKS, Intent.BYE) and not d.turn.affirmed and not (matter or d.turn.requested):
        return smalltalk.chat(d, intent)
    if smalltalk.repeats_yes(d, intent):
        return smalltalk.chat(d, Intent.AFFIRM)
    special = smalltalk.aside(d)
    if special:
        return special
    if d.proposal and d.task in _CHANGES and not d.turn.declined and not d.turn.done:
        if _THINKING.search(d.turn.text):
            return Say("No hurry: nothing is changed or charged without your yes.")
        if _lets_be(d, intent):
            return Say(phrases.NEED_YES)
    if d.task in _CHANGES and _is_aside(d, intent):
        return smalltalk.chat(d)
    if d.task in _CHANGES and _lets_be(d, intent):
        return Say("All right, nothing was changed; your order stays as it is. Is there anything else I can do?")
    waits = d.task in (Task.JOIN, Task.LEAVE, Task.WAITING, Task.TAKE) and not d.turn.done and not d.turn.requested
    refuses = d.turn.heard is not None and d.turn.heard.negated and Intent.DENY in (intent, *d.turn.heard.also)
    if waits and refuses and not d.turn.declined:
        if d.turn.asked is Asked.TAKE:
            return waiting.decline(d)
        return Say("All right, I leave that as it is. Is there anything else I can do?")
    return None


def _flow(d: Dialogue, intent: Intent) -> Act:
    flows = {
        Task.ORDERS: orders.show_orders,
        Task.UPGRADE: orders.upgrade,
        Task.REFUND: orders.refund,
        Task.CREDIT: orders.credit,
        Task.OPTIONS: options.show,
        Task.BALANCE: papers.balance,
        Task.PAPERS: papers.show,
        Task.JOIN: waiting.join,
        Task.LEAVE: waiting.leave,
        Task.WAITING: waiting.show,
        Task.TAKE: waiting.take,
        Task.HUMAN: smalltalk.call_person,
        Task.RELEASE: _release,
    }
    if d.task in flows:
        return flows[d.task](d)
    if d.task is Task.EXCHANGE or (d.exchanged and d.turn.exchanging):
        return (settle_exchange(d) if d.task is Task.EXCHANGE else None) or purchase.continue_purchase(d)
    if d.task is Task.PURCHASE:
        return _buy(d, intent)
    return smalltalk.chat(d)


def _is_aside(d: Dialogue, intent: Intent) -> bool:
    """Whether the message answers nothing that the change of an order waits for."""
    answering = d.turn.asked not in (None, Asked.PERSON)
    details = d.turn.heard is not None and d.turn.heard.slots != Slots()
    waiting = answering or details or d.proposal or d.turn.done or d.turn.declined or d.turn.requested
    return intent in (Intent.OTHER, Intent.AFFIRM, Intent.DENY) and not waiting


def _lets_be(d: Dialogue, intent: Intent) -> bool:
    """Whether a plain no answers what the change of an order waits for."""
    plain = d.turn.heard is not None and d.turn.heard.slots == Slots()
    unlimited = sets_no_limit(d.turn.text, asked=d.turn.asked is Asked.LIMIT)  # "no limit" is no no
    idle = not d.turn.done and not d.turn.declined and not d.turn.requested and not d.turn.order_terms_changed
    return intent is Intent.DENY and plain and not unlimited and idle


def _release(d: Dialogue) -> Act:
    if d.hold and d.can("release_hold"):
        return Call("release_hold", {"hold_id": d.hold.hold_id})
    return Say("I'm holding no seats for you, and nothing was charged. Is there anything else I can do?")


def _buy(d: Dialogue, intent: Intent) -> Act:
    changed = d.turn.seat_terms_changed
    no_count = whole_number(d)
    if no_count:
        return no_count
    if _is_over(d, intent):
        return smalltalk.chat(d, intent)
    if not changed and _THINKING.search(d.turn.text) and not d.turn.affirmed:
        return _no_hurry(d)
    if intent in (Intent.OTHER, Intent.DENY) and not changed and not d.hold and purchase.may_name_section(d):
        return purchase.describe(d)
    new = changed or d.turn.affirmed or d.turn.renamed or d.turn.requested
    if intent is Intent.OTHER and not new:
        if d.proposal:
            return Say(phrases.NEED_YES)
        again = d.turn.asked is not None and d.turn.asked is not Asked.PERSON and d.turn.misheard < 2
        return Say(f"Sorry, I didn't follow that. {d.turn.asked}") if again else smalltalk.chat(d)
    said = interject(d, intent)
    if said:
        return said
    if intent is Intent.DENY and not changed:
        return _refused(d)
    return purchase.continue_purchase(d)


def _is_over(d: Dialogue, intent: Intent) -> bool:
    """Whether a bare yes comes after a purchase was declined: it wishes for nothing, and must take no seats again."""
    bare = intent is Intent.AFFIRM and d.turn.heard is not None and d.turn.heard.slots == Slots()
    idle = not d.turn.done and not d.turn.requested and d.hold is None and d.proposal is None
    return bare and idle and d.declined_since and d.turn.asked is None and not d.turn.seat_terms_changed


def _no_hurry(d: Dialogue) -> Act:
    if d.hold:
        left = phrases.remaining(d.now, d.hold.expires_at)
        return Say(f"No hurry: your seats are held {left}, and nothing is charged without your yes.")
    return Say("No hurry. Just tell me when you have decided, or what I should change.")


def _refused(d: Dialogue) -> Act:
    if d.proposal:
        return Say(phrases.NEED_YES)
    if d.turn.asked is Asked.CHEAPER and d.hold:
        return Say(f"All right, I keep {phrases.seats(d.hold.seats)} for you. {Asked.PREPARE.value}")
    if d.hold and d.can("release_hold"):
        return Call("release_hold", {"hold_id": d.hold.hold_id})
    if d.turn.asked in (Asked.OFFER, Asked.OTHER_SEATS):
        return Say(f"All right, I haven't taken any seats. {Asked.KEEP_BUYING.value}")
    if d.turn.asked in (Asked.MEANT, Asked.THIS) and d.wish.query:
        return purchase.continue_purchase(d)
    if d.turn.asked in (Asked.MEANT, Asked.THIS):
        return Say(f"Sorry about that. {Asked.EVENT.value}")
    if d.turn.asked is Asked.PERSON:
        return Say("All right. If you need anything else, just tell me.")
    return Say("All right, nothing was bought. Is there anything else I can do?")
