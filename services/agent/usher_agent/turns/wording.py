"""What the agent says itself, without the model: proposals, outcomes, apologies."""

from __future__ import annotations

from typing import Any

from usher_agent.confirmations.model import Proposal
from usher_shared.contracts.money import format_money, to_minor

CARD_NOTICE = (
    "I removed what looked like a card number from your message. Please never send card details in this chat; "
    "payment uses the method on file."
)
ATTACHMENT_NOTICE = "I cannot open attachments in this chat, so please tell me in words what you need."
APOLOGY = (
    "I'm sorry, I could not work out an answer just now. Nothing was charged. Please try again in a moment, "
    "or put it in other words."
)
LOOK_AGAIN = "Shall I look again for you?"
REPLACES = "This takes the place of my offer before, which is no longer open."
TAKEN_BACK = "I have taken my offer back for now; nothing was charged or changed."
CANCELLED = "Stopped. Nothing more was done."
STATUS_UNKNOWN = (
    "I'm sorry, the box office did not answer, so I do not know yet whether this went through. I keep checking under "
    "the same reference, so it cannot happen twice. Please ask me again in a moment before you try anything else."
)
STILL_UNKNOWN = "I still have no answer from the box office about your earlier confirmation. " + STATUS_UNKNOWN

_FAILURES = {
    "model_unavailable": (
        "I'm sorry, my language service cannot be reached right now. Nothing was charged. Please try again in a minute."
    ),
    "model_timeout": "I'm sorry, that took too long on my side. Nothing was charged. Please try again in a minute.",
    "turn_timeout": "I'm sorry, that took too long on my side. Nothing was charged. Please try again in a minute.",
    "step_limit": (
        "I'm sorry, I could not finish that in a reasonable number of steps. Nothing was charged. "
        "Could you ask for one thing at a time?"
    ),
}
_QUESTIONS = {
    "create_order": "Shall I buy these tickets for you?",
    "upgrade_tickets": "Shall I make this upgrade?",
    "refund_order": "Shall I refund this?",
    "exchange_order": "Shall I make this exchange?",
    "credit_order": "Shall I give these tickets back for store credit?",
}


def apology(code: str) -> str:
    """An honest reply for a turn that failed before anything was charged."""
    return _FAILURES.get(code, APOLOGY)


def total_line(proposal: Proposal) -> str:
    amount = format_money(abs(proposal.total_minor), proposal.currency)
    if proposal.action == "credit_order":
        return f"You get as store credit: {amount}"
    if proposal.total_minor < 0:
        return f"You get back: {amount}"
    return f"Total: {amount}" if proposal.total_minor else "Total: nothing to pay"


def _sentence(text: str) -> str:
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?")) else text + "."


def present(proposal: Proposal, *, replaces: bool = False) -> str:
    """The proposal as it is put to the customer: what, how much, on what terms, and the question.

    `replaces`: another one stood open until now.
    """
    question = _QUESTIONS.get(proposal.action, "Shall I go ahead?")
    parts = [
        REPLACES if replaces else "",
        _sentence(proposal.summary),
        f"{total_line(proposal)}.",
        _sentence(proposal.policy),
    ]
    return "\n".join([part for part in parts if part] + [f"{question} (yes / no)"])


def restate(proposal: Proposal) -> str:
    """The same proposal again, after something else was talked about."""
    return "Still open, and nothing is charged until you say yes:\n" + present(proposal)


def _paid(answer: dict[str, Any], currency: str) -> str:
    """How an order was paid: by the payment method, with store credit, or both."""
    if "total" not in answer:
        return ""
    credit = to_minor(answer.get("credit") or 0, currency)
    charged = to_minor(answer["total"], currency) - credit
    used = f" {format_money(credit, currency)} of store credit was used." if credit else ""
    return used if credit and not charged else f" {format_money(charged, currency)} was charged.{used}"


def done(action: str, answer: dict[str, Any]) -> str:
    """That a confirmed action succeeded, from the box office's answer."""
    order = answer.get("order_id", "your order")
    currency = str(answer.get("currency") or "USD")

    def money(name: str) -> str:
        return format_money(abs(to_minor(answer[name], currency)), currency) if name in answer else ""

    if action == "create_order":
        return f"Done: order {order} is confirmed.{_paid(answer, currency)}"
    if action == "upgrade_tickets":
        return f"Done: order {order} is upgraded for {money('price_delta') or 'the stated amount'}."
    if action == "refund_order":
        credit = f", {money('credit')} of it as store credit" if answer.get("credit") else ""
        return f"Done: {money('refunded') or 'the stated amount'} of order {order} is refunded{credit}."
    if action == "exchange_order":
        credit = f", {money('credited')} of it as store credit" if answer.get("credited") else ""
        moved = f" {money('charged')} was charged." if answer.get("charged") else ""
        moved += f" {money('refunded')} was refunded{credit}." if answer.get("refunded") else ""
        new = answer.get("new_order_id", "the new order")
        return f"Done: tickets of order {order} are exchanged, order {new} has the new ones.{moved}"
    if action == "credit_order":
        return f"Done: {money('credited') or 'the stated amount'} of order {order} is store credit now."
    return f"Done: order {order}."


_REFUSALS = {
    "price_changed": "The price has changed since I asked you.",
    "hold_expired": "The hold on these seats ran out.",
    "seats_taken": "Someone else got these seats in the meantime.",
    "event_cancelled": "The event has been cancelled in the meantime.",
    "quote_expired": "That offer has run out.",
    "payment_declined": "The payment was declined.",
}


# found out after the payment too: the box office has then given the charge back
_AFTER_PAYING = frozenset({"seats_taken", "event_cancelled", "order_changed", "order_contested"})


def refused(code: str, detail: str) -> str:
    """That a confirmed action was refused, and that no money was taken for it, or none kept."""
    reason = _REFUSALS.get(code) or f"That could not be done: {_sentence(detail)}"
    if code == "refund_refused":  # what was given back of it, the detail says
        return reason
    if code in _AFTER_PAYING:
        return f"{reason} If anything was charged, it has been given back."
    return f"{reason} Nothing was charged."


def unresolved(ticket_id: object) -> str:
    """That nobody but a person finds out what became of a confirmed action."""
    named = f" (ticket {ticket_id})" if isinstance(ticket_id, str) else ""
    return (
        "I'm sorry, the box office cannot tell whether this went through, so I do not know whether any money has "
        f"moved. A person is looking at it{named}. Please do not try it again until that is clear: it might then "
        "happen twice."
    )


def with_a_person(ticket_id: str, reason: str, *, is_named: bool) -> str:
    """That a person has the matter now, under which ticket (if that was not told yet), and what happens next."""
    why = "This went wrong twice, so I" if reason == "failures" else "I"
    told = "" if is_named else f"{why} have passed this on to our staff: your ticket is {ticket_id}. "
    return (
        f"{told}A person reads this conversation and answers you by the contact details of your account. You need not "
        "explain it again, and you can go on here meanwhile."
    )


def ask_to_keep(what: str) -> str:
    """The question for the consent to remember preferences."""
    return f"Shall I remember this for your next visits: {what}? You can have it forgotten at any time. (yes / no)"


def declined() -> str:
    return "All right, I won't. Nothing was charged. What would you like instead?"
