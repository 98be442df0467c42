"""Rebuilding the dialogue's state from its messages, step by step."""

from collections.abc import Sequence

from usher_inference.playbook.answers import says_again
from usher_inference.playbook.beyond import read_beyond
from usher_inference.playbook.elsewhere import come_back
from usher_inference.playbook.errands import split
from usher_inference.playbook.events import find_event
from usher_inference.playbook.exchanges import settle_exchange
from usher_inference.playbook.knowledge import asks_anew
from usher_inference.playbook.listening import hear
from usher_inference.playbook.phrases import (
    ELSEWHERE,
    NO_OTHER_DATE,
    NOTHING_CALLED,
    NOTHING_NAMED,
    ON_OTHER_DATES,
    Asked,
    question_in,
)
from usher_inference.playbook.reading import read
from usher_inference.playbook.recollected import restore
from usher_inference.playbook.results import note_result
from usher_inference.playbook.seats import choose
from usher_inference.playbook.state import Dialogue, Task, Turn
from usher_inference.playbook.transcript import (
    AssistantTurn,
    Declined,
    Done,
    Early,
    HandedOn,
    Heard,
    Lapsed,
    Recalled,
    Step,
    UserTurn,
    read_moment,
    read_steps,
)
from usher_inference.understanding import Intent

_EVENT_QUESTIONS = (Asked.EVENT, Asked.WHICH, Asked.MEANT, Asked.THIS)
_ANSWERS = (Intent.INFORM, Intent.FIND, Intent.AFFIRM, Intent.OTHER)


def rebuild(messages: Sequence[Heard], offered_tools: frozenset[str]) -> Dialogue:
    """The state after the last message."""
    moment = read_moment(messages)
    d = Dialogue(moment.now, moment.zone, offered_tools)
    for step in read_steps(messages):
        _fold(d, step)
    if d.hold and d.hold.expires_at <= d.now:
        d.hold = None
    return d


def _fold(d: Dialogue, step: Step) -> None:
    match step:
        case UserTurn(text):
            _settle_focus(d)
            if d.task is Task.EXCHANGE:
                settle_exchange(d)
            _begin_turn(d, text)
        case AssistantTurn(text):
            d.turn.answered = True
            _note_text(d, text)
        case Declined():
            _note_declined(d)
        case Lapsed():
            d.proposal, d.proposal_action = None, ""
        case Early():
            d.turn.early = True
        case Recalled(known):
            restore(d, known)
        case HandedOn(refused=refused):
            d.turn.alone = refused
        case Done():
            d.turn.done.append(step)
            note_result(d, step)
            if d.task is Task.EXCHANGE:
                settle_exchange(d)


def _settle_focus(d: Dialogue) -> None:
    """The event that the searches so far come down to, if it is one."""
    if d.focus is None and d.wish.has_criteria() and d.searches:
        listed = d.listed
        find_event(d)
        d.listed = listed


def _begin_turn(d: Dialogue, text: str) -> None:
    come_back(d)
    text = _take_errand(d, text)
    heard = read(d, text)
    lost = d.hold is not None and d.hold.expires_at <= d.now
    misheard = d.turn.misheard
    asked = question_in(d.last_text)
    beyond = read_beyond(text, heard)
    if beyond:
        d.turn = Turn(text=text, heard=heard, beyond=beyond, topic=d.turn.topic, asked=asked, lost_hold=lost)
        return
    says_which = heard.slots.event or heard.slots.ordinal or asked in (Asked.MEANT, Asked.THIS)
    asked_back = asked in _EVENT_QUESTIONS and heard.intent in _ANSWERS and says_which and not asks_anew(text, heard)
    retries = asked is Asked.RETRY and (heard.intent is Intent.AFFIRM or says_again(text))
    asks = heard.intent is Intent.QUESTION and not retries
    waiting = None if d.turn.compared else d.turn.topic  # a comparison has answered what two events cost
    topic = heard.topic if asks else (waiting if asked_back or retries else None)
    question = text if asks or not topic else d.turn.question
    d.turn = Turn(text, heard, topic, question, asked=asked, lost_hold=lost, misheard=misheard)
    if not d.first_request:
        d.first_request = text
    hear(d, heard)
    if d.turn.seat_terms_changed or d.turn.requested or heard.intent in (Intent.BUY, Intent.FIND, Intent.HOLD):
        d.declined_since = False


def _take_errand(d: Dialogue, text: str) -> str:
    """The request to serve now: the first of several, or the next of those kept once the customer says yes to it."""
    if question_in(d.last_text) is Asked.NEXT and d.later:
        intent = read(d, text).intent
        if intent is Intent.AFFIRM:
            kept, *rest = d.later
            d.later, d.last_text, d.reminded = tuple(rest), "", 0
            return kept
        if intent is Intent.DENY:
            d.later = ()
    first, *later = split(text)
    if later:
        d.later, d.reminded = tuple(later), 0
    return first


def _note_text(d: Dialogue, text: str) -> None:
    if d.kept:
        come_back(d)
        d.last_text, d.said = text, [*d.said[-2:], text]
        return
    d.last_text = text
    d.said = [*d.said[-2:], text]
    asked = question_in(text)
    if asked in (Asked.WHICH, Asked.MEANT, Asked.THIS):
        places = {text.find(f"{e.name}, {e.local_start}"): e.event_id for e in d.events.values()}
        d.listed = tuple(id for at, id in sorted(places.items()) if at >= 0) or d.listed
        _drop_vain_terms(d, text)
    elif asked is Asked.OFFER and d.checks:
        d.offer = choose(list(d.checks.values())[-1], d.wish).seats
    elif asked is Asked.EVENT and text.startswith(NOTHING_CALLED):
        d.wish.query = d.wish.city = None  # looked for everywhere: the name was no event
    spots = {text.find(id): id for id in d.orders}
    named = tuple(id for at, id in sorted(spots.items()) if at >= 0)
    if asked is Asked.PERSON:
        d.trouble = d.turn.text
    if asked is Asked.NEXT:
        d.reminded += 1
    if len(named) > 1 or (named and asked is Asked.THAT_ORDER):
        d.order_choices = named


def _drop_vain_terms(d: Dialogue, text: str) -> None:
    """What was owned up to as not found no longer narrows what is looked for."""
    if text.startswith((NOTHING_NAMED, NO_OTHER_DATE)):
        d.wish.query = None
    if ON_OTHER_DATES in text:
        d.wish.date = None
    elif ELSEWHERE in text:
        d.wish.city = d.wish.venue = None


def _note_declined(d: Dialogue) -> None:
    if d.turn.answered:  # by the confirmation's own button, not by a message: as if the customer had said no now
        d.turn = Turn(text="no", heard=read(d, "no"))
    d.turn.declined, d.turn.declined_action = d.proposal, d.proposal_action
    d.turn.declined_arguments = d.proposal_arguments
    d.turn.refused = True
    d.declined_since = not d.turn.seat_terms_changed
    d.proposal, d.proposal_action = None, ""
    if d.turn.declined_action == "upgrade_tickets" and not d.turn.order_terms_changed:
        d.upgrade_delta = d.upgrade_section = None
