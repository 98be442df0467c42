"""What binds a yes to an action: the confirmation that the agent sends with a call that charges, moves or refunds.

The agent service is its only author; the box office checks it against the quote and consumes it in the
transaction of the effect. Header `Usher-Confirmation`: base64url of the JSON.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

CONFIRMATION_HEADER = "Usher-Confirmation"

ProtectedAction = Literal["create_order", "upgrade_tickets", "refund_order", "exchange_order", "credit_order"]
PROTECTED_ACTIONS: frozenset[str] = frozenset(get_args(ProtectedAction))


def fingerprint(action: str, arguments: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of action and arguments in canonical JSON (sorted keys, no spaces, nulls dropped)."""
    kept = {key: value for key, value in arguments.items() if value is not None}
    text = json.dumps([action, kept], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


class Confirmation(BaseModel):
    """A customer's recorded yes to exactly one quote."""

    model_config = ConfigDict(frozen=True)

    id: str
    quote_id: str
    action: ProtectedAction
    fingerprint: str = Field(description="of the action and the arguments that were proposed")
    total_minor: int = Field(description="what the customer saw; negative is money back")
    currency: str
    customer_id: str
    confirmed_at: AwareDatetime
    evidence: Literal["message", "endpoint"] = Field(description="how the customer said yes")

    def to_header(self) -> str:
        return base64.urlsafe_b64encode(self.model_dump_json().encode()).decode()

    @staticmethod
    def from_header(text: str) -> Confirmation:
        """Raises ValueError for anything that is no confirmation."""
        try:
            return Confirmation.model_validate_json(base64.urlsafe_b64decode(text.encode()))
        except (ValidationError, ValueError) as error:
            raise ValueError("not a confirmation") from error
