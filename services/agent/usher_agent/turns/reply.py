"""The end of a turn's reply: what the agent itself has to say, whatever the model said."""

from __future__ import annotations

import re
from datetime import datetime

from usher_agent.confirmations.model import Proposal
from usher_agent.memory.customers import describe
from usher_agent.turns import wording
from usher_agent.turns.model import Turn
from usher_agent.turns.past import preface_id
from usher_agent.turns.prompt import assistant_message, tool_message, withdrawn_note

_UNANSWERED = '{"error":"interrupted","detail":"the turn was stopped before this call was answered"}'

_QUESTION = re.compile(r"[^.!?\n]+\?(?=\W*(?:\s|$))")
# Courtesies, and the proposal's own question in the model's words.
_NO_QUESTION_OF_ITS_OWN = re.compile(
    r"\b(?:(?:anything|something|what) else|go ahead|proceed|continue|confirm|questions|does that (?:help|answer)|"
    r"(?:how|what) (?:can|may) i|what would you like to do|is there an event|which event, artist)\b|\(yes / no\)",
    re.IGNORECASE,
)


def conclude(turn: Turn, now: datetime) -> None:
    """Make sure that there is a reply, that effects are told, and that an open proposal is the last thing said.

    An open proposal whose seats were touched in this turn is withdrawn instead.
    """
    _answer_open_calls(turn)
    if not turn.reply:
        turn.log.end_text()
        turn.message_id = f"{turn.opening.message_id}.r"
        say(turn, _fallback(turn))
    _state_outcome(turn)
    for ticket_id, reason in turn.tickets.items():
        say(turn, wording.with_a_person(ticket_id, reason, is_named=ticket_id in turn.reply))
    _restate_or_withdraw(turn, now)
    _ask_to_keep(turn)
    if turn.command.card_removed:
        say(turn, wording.CARD_NOTICE)
    if turn.command.attachments:
        say(turn, wording.ATTACHMENT_NOTICE)


def say(turn: Turn, text: str) -> None:
    """Append to the reply, in the stream and in what the model remembers."""
    if turn.reply:
        turn.reply += "\n\n" + text
        turn.log.speak(turn.message_id, "\n\n" + text)
        turn.messages[-1] = assistant_message(turn.reply)
    else:
        turn.reply = text
        turn.log.speak(turn.message_id, text)
        turn.messages.append(assistant_message(text))


def preface(turn: Turn, text: str) -> None:
    """Say something before the model speaks: a message of its own in the stream, the reply's first words else."""
    turn.preface = text
    if turn.past is not None and turn.past.prefaced:
        return
    turn.log.speak(preface_id(turn.opening.message_id), text)
    turn.log.end_text()


def put(turn: Turn, proposal: Proposal, message_id: str) -> None:
    """Put a new proposal to the customer, as the turn's whole reply."""
    turn.message_id = message_id
    turn.reply = wording.present(proposal, replaces=turn.replaced)
    proposal.message_id = message_id
    turn.messages.append(assistant_message(turn.reply))
    turn.log.speak(message_id, turn.reply)


def _answer_open_calls(turn: Turn) -> None:
    """Every call in the history has a result, or servers refuse the history."""
    last = next(
        (index for index in reversed(range(len(turn.messages))) if turn.messages[index].get("tool_calls")), None
    )
    if last is None:
        return
    answered = {message.get("tool_call_id") for message in turn.messages[last + 1 :]}
    for call in turn.messages[last]["tool_calls"]:
        if call["id"] not in answered:
            turn.messages.append(tool_message(call["id"], call["function"]["name"], _UNANSWERED))


def _state_outcome(turn: Turn) -> None:
    """What was done or refused is said by the agent itself, if the model left it out."""
    if turn.executed is not None:
        proposal, answer = turn.executed
        told = f"{turn.preface}{turn.reply}"
        orders = [str(answer[name]) for name in ("order_id", "new_order_id") if answer.get(name)]
        if proposal.state == "done" and not any(order in told for order in orders or [""]):
            say(turn, wording.done(proposal.action, answer))
    if turn.preface:
        turn.reply = f"{turn.preface}\n\n{turn.reply}"
        turn.messages[-1] = assistant_message(turn.reply)


def _restate_or_withdraw(turn: Turn, now: datetime) -> None:
    proposal = turn.opening.open
    if proposal is None:
        return
    another = turn.spending.calls > 0 and _asks_another(turn.reply)  # what the agent says itself opens nothing else
    if another or turn.seats_touched or proposal.has_expired(now):
        proposal.move("superseded", now)
        turn.opening.changed.append(proposal)
        turn.opening.open = None
        if another:  # a yes to it must not mean the proposal
            turn.messages.insert(-1, withdrawn_note(proposal.id))
            say(turn, wording.TAKEN_BACK)
    else:
        proposal.message_id = turn.message_id
        say(turn, wording.restate(proposal))


def _asks_another(reply: str) -> bool:
    """Whether the reply asks something of its own, which a yes may answer instead of the open proposal."""
    return any(not _NO_QUESTION_OF_ITS_OWN.search(question) for question in _QUESTION.findall(reply))


def _ask_to_keep(turn: Turn) -> None:
    """Ask for the consent, unless another question is open: a yes has to mean one thing."""
    if not turn.asks_to_keep:
        return
    if turn.proposed is not None or turn.opening.open is not None or turn.status != "ok":
        turn.asks_to_keep = {}
    else:
        say(turn, wording.ask_to_keep(describe(turn.asks_to_keep)))


def _fallback(turn: Turn) -> str:
    if turn.executed is not None:
        proposal, answer = turn.executed
        if proposal.state == "done":
            return wording.done(proposal.action, answer)
        if proposal.is_unresolved:
            return wording.unresolved(answer.get("ticket_id"))
        if proposal.state == "failed":
            return wording.LOOK_AGAIN
        return wording.STILL_UNKNOWN if turn.opening.recovered else wording.STATUS_UNKNOWN
    if turn.cancelled:
        return wording.CANCELLED
    if turn.command.decision is not None:
        return wording.declined()
    return wording.apology(turn.error_code or "")
