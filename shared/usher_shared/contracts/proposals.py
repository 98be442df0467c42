"""What another program asks of the agent in a customer's name: an action that needs the customer's yes.

And the keys of MCP's `_meta` that carry it: what a client sends, and what the gateway hands to the tools.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from usher_shared.contracts.chat import ConfirmationView
from usher_shared.contracts.confirmations import ProtectedAction

IDEMPOTENCY_META = "usher/idempotency-key"
PROPOSAL_META = "usher/proposal"
REPLAYED_META = "usher/replayed"


class ProposalRequest(BaseModel):
    """Body of `POST /proposals`. The same request again is the same proposal; another key makes it another request."""

    model_config = ConfigDict(extra="forbid")

    action: ProtectedAction
    arguments: dict[str, Any] = Field(default_factory=dict, description="without those that the system fills in")
    idempotency_key: str | None = Field(default=None, min_length=1, max_length=255)


class ProposalAnswer(BaseModel):
    """`confirmation_required`: the customer has to answer `confirmation`. `done`: `answer` is the tool's own.

    `conversation_id` is where it was put to the customer.
    """

    status: Literal["confirmation_required", "done"]
    confirmation: ConfirmationView | None = None
    answer: dict[str, Any] | None = None
    conversation_id: str | None = None
