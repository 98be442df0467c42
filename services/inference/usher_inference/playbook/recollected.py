"""The state of a dialogue whose first turns were left out: from the recollection that stands in their place."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from usher_inference.playbook.state import Dialogue, Task
from usher_inference.playbook.transcript import Proposed
from usher_shared.contracts.money import to_minor
from usher_shared.contracts.recollection import Recollection
from usher_shared.contracts.tools import EventSummary, Hold

Record = TypeVar("Record", bound=BaseModel)


def restore(d: Dialogue, known: Recollection) -> None:
    """As if those turns had been heard: what was wished, looked at, held, proposed and ordered."""
    d.events |= {event.event_id: event for event in _read(EventSummary, known.events)}
    held = list(_read(Hold, (hold for hold in known.holds if hold.get("state") == "held")))
    if held:
        d.hold = held[-1]
    meant = known.wishes.get("event_id") or (d.hold.event_id if d.hold else None)
    d.focus = meant if meant in d.events else None
    _recall_wish(d, known.wishes)
    orders = [order["order_id"] for order in known.orders if isinstance(order.get("order_id"), str)]
    d.order_focus = orders[-1] if orders else None
    if known.said:
        d.first_request = known.said[0]
    for decision in known.decisions:
        if decision.get("outcome") in ("waiting", "approved", "unknown"):
            fields = {**decision, "confirmation_id": decision.get("id")}
            d.proposal = next(_read(Proposed, [fields]), None)
            d.proposal_action = str(decision.get("action") or "")
            d.proposal_arguments = dict(decision.get("arguments") or {})
    if d.hold is not None or (d.focus is not None and d.wish.quantity is not None):
        d.task = Task.PURCHASE


def _recall_wish(d: Dialogue, wishes: dict[str, Any]) -> None:
    wish = d.wish
    wish.quantity, wish.section = wishes.get("quantity"), wishes.get("section")
    wish.accessible = bool(wishes.get("accessible"))
    if isinstance(wishes.get("max_price"), int | float):
        wish.each = to_minor(wishes["max_price"], d.currency)
    if d.focus is None:
        wish.query, wish.city, wish.category = wishes.get("query"), wishes.get("city"), wishes.get("category")


def _read(model: type[Record], records: Iterable[dict[str, Any]]) -> Iterator[Record]:
    """Those that are what they should be."""
    for record in records:
        try:
            yield model.model_validate(record)
        except ValidationError:
            continue
