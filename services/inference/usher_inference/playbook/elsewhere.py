"""A question about another event while seats of one are offered or held: answered, and then all is as it was."""

from usher_inference.playbook import own, questions
from usher_inference.playbook.acts import Act, Say
from usher_inference.playbook.choosing import SAME_EVENT
from usher_inference.playbook.naming import at_venue, likeness, words_beyond
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue, Kept, Task, Wish
from usher_inference.playbook.wishes import stands_in_place
from usher_inference.understanding import Topic, Understanding

_OF_NO_EVENT = (None, Topic.OTHER, Topic.CAPABILITIES, Topic.PAYMENT)


def step_aside(d: Dialogue, heard: Understanding) -> bool:
    """Whether the message asks about another event than the one whose seats are offered or held."""
    event, named = d.event, heard.slots.event
    offered = d.offer if d.turn.asked is Asked.OFFER else ()
    if event is None or not (d.hold or offered) or d.turn.topic in _OF_NO_EVENT:
        return False
    if named is None:
        if not stands_in_place(d.turn.text, words_beyond(d, event)):
            return False
    elif likeness(named.name, event) >= SAME_EVENT or at_venue(named.surface, event):
        return False
    d.kept = Kept(event.event_id, event.name, d.wish, d.task, d.hold, offered, d.proposal, d.proposal_action)
    d.wish, d.task, d.hold, d.offer = Wish(query=named.name if named else None), Task.NONE, None, ()
    d.proposal, d.proposal_action = None, ""
    d.former, d.focus = (event.event_id if named is None else None), None
    return True


def come_back(d: Dialogue) -> None:
    """All as it was before the question."""
    if d.kept is None:
        return
    kept, d.kept = d.kept, None
    d.focus, d.wish, d.task, d.hold, d.offer = kept.focus, kept.wish, kept.task, kept.hold, kept.offer
    d.proposal, d.proposal_action, d.former = kept.proposal, kept.action, None


def answer(d: Dialogue, kept: Kept) -> Act:
    """The answer, and the way back to the seats."""
    bought = own.tell_bought(d, d.wish.query or (d.event.name if d.event else None))
    told = bought or (questions.answer(d, d.turn.topic) if d.turn.topic else None)
    if told is not None and not isinstance(told, Say):
        return told
    text = told.text if told else "I can't tell, and I don't want to guess."
    if kept.proposal:
        back = f"Your seats for {kept.name} stay held for your yes or no."
    elif kept.hold:
        back = f"Your seats for {kept.name} stay held. {Asked.PREPARE.value}"
    else:
        back = f"As for the seats for {kept.name}: {Asked.OFFER.value}"
    return Say(text if kept.focus == d.focus and kept.proposal else f"{text} {back}")
