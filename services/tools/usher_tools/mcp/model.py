"""Who a request of the protocol is from, and whom it is for."""

from __future__ import annotations

from dataclasses import dataclass

IDENTITY_SCOPE = "usher.call_identity"


@dataclass(frozen=True, slots=True)
class CallIdentity:
    """From the service token and the headers beside it, never from a message. `caller` is the calling service."""

    caller: str
    customer_id: str | None
    client_id: str | None
    conversation_id: str | None
    confirmation: str | None
