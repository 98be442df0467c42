"""The wait list: joining it where a show has no seats that fit, how it stands, taking what it brought, leaving it."""

from rapidfuzz import fuzz

from usher_inference.playbook import failures, phrases
from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.events import find_event
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue, Task
from usher_shared.contracts.money import to_major
from usher_shared.contracts.tools import WaitListEntry

_SAME_EVENT = 80.0
_NO_ENTRIES = "You are on no wait list at the moment."


def join(d: Dialogue) -> Act:
    """Towards a place on the wait list: the show, how many seats, then the call."""
    failed = d.turn.failures("join_wait_list")
    if failed:
        return _join_failed(d, failed[-1].code, failures.reason(failed[-1]))
    step = find_event(d)
    if step:
        return step
    if d.wish.quantity is None:
        what = f"For {phrases.named_event(d.event)}: " if d.event else ""
        return Say(f"{what}{Asked.WAIT_COUNT.value}")
    arguments: dict[str, object] = {"event_id": d.focus, "quantity": d.wish.quantity}
    if d.wish.section:
        arguments["section"] = d.wish.section
    limit = d.wish.limit_each(d.wish.quantity)
    if limit is not None and not d.wish.relative:
        arguments["max_price"] = to_major(limit, d.currency)
    if d.wish.accessible:
        arguments["accessible"] = True
    return Call("join_wait_list", arguments)


def _join_failed(d: Dialogue, code: str, reason: str) -> Act:
    if code == "seats_available":
        where = f" for {phrases.named_event(d.event)}" if d.event else ""
        return Say(f"There is no need to wait: such seats{where} are free now. {Asked.LOOK.value}")
    if code == "too_many_seats":
        return Say(f"I couldn't put you on the wait list: {reason} {Asked.WAIT_COUNT.value}")
    if code in failures.EVENT_GONE or code in ("too_many_entries", "section_not_found"):
        return Say(f"I couldn't put you on the wait list: {reason} Is there anything else I can do?")
    return Say(f"I couldn't put you on the wait list just now, sorry. {Asked.RETRY.value}")


def show(d: Dialogue) -> Act:
    """What the customer waits for, and the seats that came free."""
    step = _known_entries(d)
    if step:
        return step
    entries = list(d.entries.values())
    if not entries:
        return Say(f"{_NO_ENTRIES} {phrases.resumed(d.turn.asked)}".strip())
    offered = [entry for entry in entries if entry.status == "offered"]
    named = d.entries.get(d.entry_focus or "")
    if named and named.status == "offered":
        offered = [named]
    if len(offered) == 1:
        return Say(f"Good news: {_line(d, offered[0])}. {Asked.TAKE.value}")
    lines = [_line(d, entry) for entry in ([named] if named else entries)]
    text = f"You are on this wait list: {lines[0]}." if len(lines) == 1 else f"You wait for:\n{phrases.numbered(lines)}"
    return Say(f"{text}\n{Asked.WAIT_WHICH.value}" if len(offered) > 1 else text)


def take(d: Dialogue) -> Act:
    """Towards an order of the seats that the wait list brought."""
    step = _known_entries(d)
    if step:
        return step
    entry = _chosen(d, "offered")
    if entry is None:
        return show(d)
    failed = d.turn.failures("create_order")
    if failed and failures.lost_hold(failed[-1]):
        return Say(f"Those seats are no longer held for you, I'm sorry; nothing was charged. {Asked.WAIT.value}")
    if failed:
        return Say(failures.charge_failed(d, failed[-1]))
    if d.proposal:
        return Say(phrases.NEED_YES)
    return Call("create_order", {"hold_id": entry.hold_id})


def decline(d: Dialogue) -> Act:
    """The seats that the wait list brought are not wanted: they are given back."""
    entry = _chosen(d, "offered")
    if entry is None or not entry.hold_id or not d.can("release_hold"):
        return Say("All right, nothing was bought. The seats are free again when their time has run out.")
    return Call("release_hold", {"hold_id": entry.hold_id})


def leave(d: Dialogue) -> Act:
    """Off the wait list; seats that it brought are given back too."""
    if d.turn.failures("leave_wait_list"):
        return Say(f"I couldn't take you off the wait list just now, sorry. {Asked.RETRY.value}")
    step = _known_entries(d)
    if step:
        return step
    if not d.entries:
        return Say(_NO_ENTRIES)
    entry = _chosen(d)
    if entry is None:
        lines = [_line(d, one) for one in d.entries.values()]
        return Say(f"You wait for:\n{phrases.numbered(lines)}\n{Asked.WAIT_WHICH.value}")
    released = any(step.tool == "release_hold" for step in d.turn.done)
    if entry.status == "offered" and entry.hold_id and d.can("release_hold") and not released:
        return Call("release_hold", {"hold_id": entry.hold_id})
    return Call("leave_wait_list", {"entry_id": entry.entry_id})


def _known_entries(d: Dialogue) -> Act | None:
    if d.entries_listed:
        return None
    if d.turn.failures("get_wait_list") or d.turn.tried("get_wait_list", {}):
        return Say(f"I couldn't look up the wait list just now, sorry. {Asked.RETRY.value}")
    return Call("get_wait_list")


def _chosen(d: Dialogue, status: str | None = None) -> WaitListEntry | None:
    """The entry in question: the one named, else the only one."""
    named = d.entries.get(d.entry_focus or "")
    if named and status in (None, named.status):
        return named
    fitting = [entry for entry in d.entries.values() if status in (None, entry.status)]
    return fitting[0] if len(fitting) == 1 else None


def hear_entry(d: Dialogue) -> None:
    """Which of the entries the message names: by its place in the list, or by the show."""
    if d.task not in (Task.LEAVE, Task.WAITING, Task.TAKE) or d.turn.heard is None:
        return
    slots, entries = d.turn.heard.slots, list(d.entries.values())
    place = slots.ordinal if d.turn.asked is Asked.WAIT_WHICH else None
    if place and -len(entries) <= (at := place - 1 if place > 0 else place) < len(entries):
        d.entry_focus = entries[at].entry_id
        return
    text = d.turn.text.lower()
    named = [
        entry
        for entry in entries
        if fuzz.partial_ratio(entry.event_name.lower(), text) >= _SAME_EVENT
        or (slots.event and fuzz.token_set_ratio(slots.event.name.lower(), entry.event_name.lower()) >= _SAME_EVENT)
    ]
    if len(named) == 1:
        d.entry_focus = named[0].entry_id


def _line(d: Dialogue, entry: WaitListEntry) -> str:
    where = f" in section {entry.section}" if entry.section else ""
    what = f"{entry.event_name}, {phrases.count(entry.quantity, 'seat')}{where}"
    if entry.status == "offered":
        left = f" {phrases.remaining(d.now, entry.expires_at)}" if entry.expires_at else ""
        return f"{entry.event_name}: {phrases.listing(entry.seat_ids or ['seats'])} are held for you{left}"
    return what if entry.position is None else f"{what}, number {entry.position} in line"


def tell_joined(d: Dialogue, entry: WaitListEntry) -> str:
    """That the customer waits now, for what, and what happens next."""
    return (
        f"You are on the wait list: {_line(d, entry)}. When such seats come free, they are held for you for a while "
        "and you are told; nothing is charged without your yes."
    )


def tell_left(entry: WaitListEntry) -> str:
    """That the customer waits no more."""
    return f"All right, you no longer wait for {entry.event_name}. Is there anything else I can do for you?"
