"""What is decided about a reply, and what is known of the proposal it answers."""

from dataclasses import dataclass
from enum import StrEnum


class Consent(StrEnum):
    """The meaning of a reply to a pending proposal.

    YES: explicit agreement to the proposal exactly as stated. NO: a rejection. UNCLEAR: everything else, such as
    a question about the terms, a condition, a correction, hesitation or another request.
    """

    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


class Action(StrEnum):
    """What the proposal would do."""

    BUY = "buy"
    UPGRADE = "upgrade"
    EXCHANGE = "exchange"
    REFUND = "refund"
    CANCEL = "cancel"
    CREDIT = "credit"


@dataclass(frozen=True)
class ProposalContext:
    """The facts of a pending proposal; what is not known is left out, and can then not be restated in a yes.

    `quantity` counts tickets. `total` is the amount as shown, e.g. "$240.00". `date` is an ISO date or words such
    as "March 8th" or "next Friday"; `time` e.g. "19:30" or "7:30 pm". `section` says where the seats are, e.g.
    "section A row 5". `names` holds further words that only restate the proposal.
    """

    quantity: int | None = None
    total: str | None = None
    event: str | None = None
    venue: str | None = None
    city: str | None = None
    date: str | None = None
    time: str | None = None
    section: str | None = None
    names: tuple[str, ...] = ()
    action: Action = Action.BUY
