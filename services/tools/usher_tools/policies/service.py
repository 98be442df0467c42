"""The one place that says whether a policy allows something at a moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from usher_shared.clock import to_timestamp
from usher_shared.documents import DocumentStore, Transaction
from usher_tools.events.model import TicketedEvent
from usher_tools.policies.model import NOT_OFFERED, AfterSale, OutsidePolicy, Policy, Topic, Waiver, waiver_id

_NAMES: Mapping[Topic, str] = {
    "refund": "Refunds",
    "exchange": "Exchanges",
    "credit": "Credits",
    "upgrade": "Upgrades",
    "in_game_upgrade": "Upgrades during the event",
}
# the topics whose windows allow an action
_TOPICS: Mapping[AfterSale, tuple[Topic, ...]] = {
    "refund_order": ("refund",),
    "exchange_order": ("exchange",),
    "credit_order": ("credit",),
    "upgrade_tickets": ("upgrade", "in_game_upgrade"),
}
_CANCELLED = "This event was cancelled: everything is given back."
_EXCEPTION = "Approved by the box office as an exception."


@dataclass(frozen=True, slots=True)
class Terms:
    """What is kept of a ticket's price, and whether its service fees come back."""

    fee_percent: float = 0.0
    fees_refundable: bool = True


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` is for the customer: the terms when it is allowed, else why not.

    `deadline` is the last moment of the window that decided; None when there is none. `waiver` is the exception
    without which it would not be allowed.
    """

    allowed: bool
    reason: str
    deadline: datetime | None
    terms: Terms
    waiver: Waiver | None = None


@dataclass(frozen=True, slots=True)
class _Window:
    topic: Topic
    policy: Policy
    opens: datetime | None
    closes: datetime

    def is_open(self, moment: datetime) -> bool:
        return (self.opens is None or self.opens <= moment) and moment <= self.closes

    @property
    def terms(self) -> Terms:
        return Terms(self.policy.fee_percent, self.policy.fees_refundable)


def _windows(event: TicketedEvent, action: AfterSale) -> list[_Window]:
    found = []
    for topic in _TOPICS[action]:
        policy: Policy | None = getattr(event, topic)
        if policy is not None:
            closes = event.start - timedelta(hours=policy.until_hours_before)
            found.append(_Window(topic, policy, event.start if policy.from_start else None, closes))
    return found


def _why_not(event: TicketedEvent, action: AfterSale, windows: list[_Window], moment: datetime) -> Decision:
    if not windows:
        topic = _TOPICS[action][0]
        return Decision(False, event.policies.get(topic) or NOT_OFFERED[topic], None, Terms())
    closed = [window for window in windows if window.closes < moment]
    coming = [window for window in windows if window.opens is not None and moment < window.opens]
    sentences = []
    if closed:
        last = max(closed, key=lambda window: window.closes)
        sentences.append(f"{_NAMES[last.topic]} for this event ended on {event.at_venue(last.closes)}.")
    for window in coming:
        sentences.append(f"{_NAMES[window.topic]} begin on {event.at_venue(event.start)}.")
    decisive = coming[0] if coming else last
    return Decision(False, " ".join([*sentences, decisive.policy.text]), decisive.closes, decisive.terms)


def decide(event: TicketedEvent, action: AfterSale, moment: datetime, waivers: Iterable[Waiver] = ()) -> Decision:
    """Whether the event's policy allows the action at that moment, exact to the microsecond.

    A window's last moment belongs to it. Everything comes back for a cancelled event, at any time. `waivers` are the
    order's: a live one for this action allows it on the policy's terms, without a fee where there is no policy.
    """
    if event.status == "cancelled":
        if action in ("upgrade_tickets", "exchange_order"):  # there is nothing to move: it is given back
            return Decision(False, f"{event.name} has been cancelled.", None, Terms())
        return Decision(True, _CANCELLED, None, Terms())
    windows = _windows(event, action)
    for window in windows:
        if window.is_open(moment):
            return Decision(True, window.policy.text, window.closes, window.terms)
    now = to_timestamp(moment)
    for waiver in waivers:
        if waiver.action == action and waiver.is_live(now):
            return Decision(True, _EXCEPTION, None, windows[-1].terms if windows else Terms(), waiver)
    return _why_not(event, action, windows, moment)


async def check_policy(
    source: DocumentStore | Transaction, order_id: str, event: TicketedEvent, action: AfterSale, moment: datetime
) -> Decision:
    """The decision for an order, with its exception where one is needed. Raises OutsidePolicy."""
    decision = decide(event, action, moment)
    if not decision.allowed:
        data = await source.get("policy_waivers", waiver_id(order_id, action))
        decision = decide(event, action, moment, [] if data is None else [Waiver.model_validate(data)])
    if not decision.allowed:
        raise OutsidePolicy(decision.reason, order_id=order_id, action=action)
    return decision


def spend_waiver(tx: Transaction, waiver: Waiver, now: str) -> None:
    """The exception is used up: another one has to be asked for."""
    used = waiver.model_copy(update={"status": "used", "used_at": now})
    tx.set("policy_waivers", used.id, used.model_dump(mode="json"))
