"""What may be done with tickets that cannot be used: money back, other tickets or store credit, as the policy says."""

import re

from usher_inference.playbook.acts import Act, Call, Say
from usher_inference.playbook.orders import choose_order, line_of
from usher_inference.playbook.phrases import Asked
from usher_inference.playbook.state import Dialogue, Task
from usher_shared.contracts.tools import EventInfo, OrderView

_WORDS = (
    (Task.CREDIT, re.compile(r"\b(?:credits?|vouchers?|third|last)\b", re.IGNORECASE)),
    (
        Task.EXCHANGE,
        re.compile(r"\b(?:exchang\w*|swap\w*|chang\w*|switch\w*|rebook\w*|another|different|other|second)\b", re.I),
    ),
    (Task.REFUND, re.compile(r"\b(?:refund\w*|money|cash|back|first|return\w*)\b", re.IGNORECASE)),
)
_REFUSED = re.compile(r"\b(?:no|not|don'?t|neither|none|nothing)\b", re.IGNORECASE)
_RULES = ("refund", "exchange", "credit", "transfer")  # what a policy on it may be called


def show(d: Dialogue) -> Act:
    """The ways there are for the order in question, with what the event's policy says of them."""
    if d.turn.asked is Asked.WAY and d.turn.refused:
        return Say("All right, nothing was changed; your order stays as it is. Is there anything else I can do?")
    order = choose_order(d)
    if not isinstance(order, OrderView):
        return order
    arguments = {"event_id": order.event_id}
    info = d.infos.get(order.event_id)
    if info is None and d.can("get_event_info") and not d.turn.tried("get_event_info", arguments):
        return Call("get_event_info", arguments)
    return Say(f"This is your order: {line_of(d, order)}. {_rules(info)} {Asked.WAY.value}")


def _rules(info: EventInfo | None) -> str:
    told = [text.strip() for topic, text in (info.policies if info else {}).items() if topic.startswith(_RULES)]
    said = " ".join(text if text[-1] in ".!?" else f"{text}." for text in told if text)
    return said or "Whether it can be refunded or exchanged is for the event's policy to say; I ask before I change it."


def chosen_way(d: Dialogue) -> Task | None:
    """Which of the ways was chosen, said to the question for it."""
    if d.turn.asked is not Asked.WAY or _REFUSED.search(d.turn.text):
        return None
    return next((task for task, words in _WORDS if words.search(d.turn.text)), None)
