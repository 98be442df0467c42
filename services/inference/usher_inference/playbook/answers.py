"""What a yes or a no answers, and what it changes."""

import re

from usher_inference.playbook.choosing import reopen
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue, Task, Wish
from usher_inference.understanding import Comparative, Intent, Slots, Understanding
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.tools import Hold

_OFFERS = (Asked.TAKE, Asked.OFFER, Asked.PREPARE, Asked.LOOK)
_AGAIN = re.compile(
    r"\b(?:try|once|do (?:it|that)|another|check|look) (?:it |this |that )?(?:again|more|go|try|shot)\b|"
    r"\bretry\b|\bagain\W*$|\b(?:give (?:it|that) (?:a|another)|have (?:a|another)) (?:\w+ )?(?:go|try|shot)\b|"
    r"\b(?:works?|working|fixed|better|luck|up|back|available)(?: again)?(?: now| yet| this time)\b|"
    r"\b(?:how|what) about now\b|\bnow\W*$|\bis it (?:working|up|back|fixed|better)\b|\bdoes it work\b|"
    r"\bstill (?:not working|down|broken|failing|stuck)\b|\bany (?:better|luck)\b",
    re.IGNORECASE,
)
_NOT_AGAIN = re.compile(r"\b(?:don'?t|do not|never|not) (?:\w+ )?(?:try|retry|bother|again)\b", re.IGNORECASE)
_NO_PREFERENCE = re.compile(
    r"\bno preference\b|\byou (?:choose|pick|decide)\b|\bwhatever\b|\bany(?:thing)? (?:is fine|will do|works)\b|"
    r"\b(?:don'?t|do not) (?:mind|care)\b|\bsurprise me\b|\bup to you\b",
    re.IGNORECASE,
)
_TAKES_THEM = re.compile(
    r"\b(?:take|buy|book|get|grab|want|have|secure) (?:them|it|those|these|both|the (?:seats|tickets))\b", re.IGNORECASE
)


def says_again(text: str) -> bool:
    """Whether a failed step is to be tried once more: said to "Shall I try again?"."""
    return _AGAIN.search(text) is not None and _NOT_AGAIN.search(text) is None


def hear_answer(d: Dialogue, heard: Understanding) -> None:
    thanking = heard.intent is Intent.THANKS and Intent.AFFIRM in heard.also
    elsewhere = d.turn.asked is Asked.OTHER_SEATS and Comparative.OTHER in heard.slots.comparatives
    retrying = d.turn.asked is Asked.RETRY and says_again(d.turn.text)
    agreeing = (
        (d.turn.asked is Asked.WAIT and heard.slots.quantity is not None and not heard.negated)
        or (d.turn.asked is Asked.KEEP_BUYING and _NO_PREFERENCE.search(d.turn.text) is not None)
        or heard.intent is Intent.AFFIRM
        or thanking
        or retrying
        or elsewhere
        or (d.turn.asked in _OFFERS and _TAKES_THEM.search(d.turn.text) is not None and not heard.negated)
        or (
            heard.intent in (Intent.BUY, Intent.HOLD)
            and not heard.negated
            and d.turn.asked in (Asked.OFFER, Asked.TAKE)
        )
    )
    if agreeing:
        d.turn.affirmed = True
        _hear_yes(d, heard.slots)
    elif heard.intent is Intent.DENY:
        d.turn.refused = True
        if d.turn.asked is Asked.MEANT and d.listed:
            d.wish.other_than = d.wish.other_than | {*d.listed}
        if d.turn.asked in (Asked.MEANT, Asked.THIS) and heard.slots.event is None:
            d.wish.query, d.wish.browsing = None, False


def _hear_yes(d: Dialogue, slots: Slots) -> None:
    asked, wish = d.turn.asked, d.wish
    if asked in (Asked.MEANT, Asked.THIS) and d.listed:
        d.focus = d.listed[0]
        wish.query = d.events[d.focus].name
        d.task = Task.PURCHASE
    elif asked is Asked.OFFER:
        wish.accepted = tuple(seat.id for seat in d.offer)
        wish.buying = wish.buying or not wish.holding
        d.task = Task.PURCHASE
    elif asked is Asked.LOOK:
        d.task = Task.PURCHASE
    elif asked is Asked.PREPARE:
        wish.buying = True
        d.task = Task.PURCHASE
    elif asked is Asked.KEEP_BUYING and _NO_PREFERENCE.search(d.turn.text):
        _loosen(wish)
        d.task = Task.PURCHASE
    elif asked is Asked.OTHER_DATES:
        wish.date, wish.time_of_day, wish.clock = None, None, None
        wish.browsing = True
        reopen(d)
        d.task = Task.PURCHASE
    elif asked is Asked.CHEAPER and d.hold:
        _lower_limit(d, d.hold)
        d.task = Task.PURCHASE
    elif asked is Asked.OTHER_SEATS:
        _loosen(wish)
        d.task = Task.PURCHASE
    elif asked is Asked.PERSON and slots == Slots():  # "ok, what about 80?" is no yes to a person
        d.task = Task.HUMAN
    elif asked is Asked.RELEASE:
        d.task = Task.RELEASE
    elif asked is Asked.WAIT:
        d.task = Task.JOIN
    elif asked is Asked.TAKE:
        d.task = Task.TAKE


def _lower_limit(d: Dialogue, hold: Hold) -> None:
    """The most a seat may cost before fees, so that the total keeps to what was named, judged by the last quote."""
    quote = d.quotes.get(hold.hold_id)
    if quote and d.wish.total and quote.total_minor:
        share = d.wish.total * to_minor(quote.subtotal, quote.currency) // quote.total_minor
        d.wish.each, d.wish.relative = share // max(1, len(hold.seats)), True
        d.wish.section = d.wish.row = None


def _loosen(wish: Wish) -> None:
    """Drops the narrowest of the terms that nothing met: certain seats or a row, then the section, then the price."""
    if wish.row or wish.seat_ids or wish.seat_numbers:
        wish.row, wish.seat_ids, wish.seat_numbers = None, (), ()
    elif wish.section:
        wish.section = None
    else:
        wish.cheapest = wish.each is not None or wish.total is not None
        wish.each = wish.total = None
        wish.passed = frozenset()
