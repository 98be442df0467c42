"""Telling failures honestly, with a way on."""

from typing import Literal

from usher_inference.playbook import phrases
from usher_inference.playbook.acts import Act, Say
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue
from usher_inference.playbook.transcript import Failure

_SEATS_LOST = frozenset({"not_found", "seats_taken"})
_NOT_NOW = frozenset(
    {"unavailable", "rate_limited", "upstream_failed", "upstream_timeout", "timeout", "internal_error", "unreadable"}
)
_DECLINES_IN_A_ROW = 2
DECLINED = frozenset({"payment_declined"})
# a broken answer to a charge may hide a charge that went through
UNKNOWN_OUTCOME = frozenset(
    {
        "payment_unknown",
        "outcome_unresolved",
        "upstream_timeout",
        "timeout",
        "internal_error",
        "upstream_failed",
        "unreadable",
    }
)
# nothing of the event can be had any more: the status that it has then
EVENT_GONE: dict[str, Literal["cancelled", "past"]] = {"event_cancelled": "cancelled", "event_over": "past"}
PRICE_MOVED = frozenset({"price_changed", "quote_expired"})


def of_purchase(d: Dialogue) -> Act | None:
    """What to say after the order failed in this turn; None when the purchase goes on by itself."""
    failed = d.turn.failures("create_order")
    if not failed:
        return None
    last = failed[-1]
    if lost_hold(last) or last.code in EVENT_GONE:
        return None  # new seats are looked for and offered
    return Say(charge_failed(d, last))


def of_hold(d: Dialogue) -> Act | None:
    """What to say when seats could not be held; None when others were only faster: then new ones are offered."""
    failed = d.turn.failures("hold_tickets")
    if not failed or failed[-1].code in ("seats_taken", "leaves_single_seat", *EVENT_GONE):
        return None
    if failed[-1].code == "too_many_seats":
        more = "For a larger group, a person can help; just ask."
        return Say(f"I couldn't hold that many: {reason(failed[-1])} {more} {Asked.QUANTITY.value}")
    return Say(f"I couldn't hold those seats: {reason(failed[-1])} {Asked.OTHER_SEATS.value}")


def charge_failed(d: Dialogue, failure: Failure) -> str:
    """What a failed purchase, upgrade or refund means for the customer."""
    held = f" Your seats stay held {phrases.remaining(d.now, d.hold.expires_at)}." if d.hold else ""
    told = d.turn.carried_out  # then the agent has said what went wrong
    if failure.code in DECLINED:
        return _declined(d, held, told=told)
    if failure.code in UNKNOWN_OUTCOME:
        return (
            "I don't know yet whether the payment went through: the payment provider hasn't answered. "
            "Please don't try again now; ask me for your orders in a few minutes to see the outcome. "
            f"{Asked.PERSON.value}"
        )
    if told and failure.code in PRICE_MOVED:
        return f"There is no order yet.{held} {Asked.RETRY.value}"
    if failure.code in PRICE_MOVED:
        return f"The price changed before I could finish, so nothing was charged.{held} {Asked.RETRY.value}"
    if told and (failure.code == "seats_taken" or lost_hold(failure)):
        return f"There is no order. {Asked.PERSON.value}"
    if failure.code == "seats_taken":  # perhaps found out after the payment
        return f"Others took those seats; if anything was charged, it has been given back. {Asked.PERSON.value}"
    if lost_hold(failure):
        return f"That could not be found any more, so nothing was charged. {Asked.PERSON.value}"
    why = "There is no order." if told else f"That didn't work: {reason(failure)} Nothing was charged."
    return f"{why}{held} {Asked.RETRY.value}"


def _declined(d: Dialogue, held: str, *, told: bool) -> str:
    """A declined payment: tried again at will; from the second time on with what may help, then with a person."""
    lead = "There is no order yet." if told else "There is no order, as the payment did not go through."
    if d.declines < _DECLINES_IN_A_ROW:
        return f"{lead}{held} {Asked.RETRY.value}"
    change = "The card on file is changed in your account, outside this chat; after that it may work."
    if d.declines == _DECLINES_IN_A_ROW:
        return f"{lead} It was declined again.{held} {change} {Asked.RETRY.value}"
    return f"{lead} I won't keep trying a card that is declined.{held} {change} {Asked.PERSON.value}"


def lost_hold(failure: Failure) -> bool:
    """Whether the seats of a hold are gone: expired, released, or taken."""
    return failure.code.startswith("hold_") or failure.code in _SEATS_LOST


def of_check(failure: Failure) -> Act:
    """Why the free seats can't be shown."""
    if failure.code in _NOT_NOW or not failure.detail:
        return Say(f"I couldn't check the seats just now, sorry. {Asked.RETRY.value}")
    return Say(f"I can't offer seats there: {reason(failure)} {Asked.OTHER_SEATS.value}")


def reason(failure: Failure) -> str:
    """The box office's own words for a refusal, as one sentence."""
    detail = " ".join(failure.detail.split())
    if not detail:
        return "the box office couldn't do it."
    return detail if detail[-1] in ".!?" else f"{detail}."
