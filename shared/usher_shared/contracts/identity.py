"""Who a request is for, as the gateway established it and internal calls carry it.

Headers of internal calls: `Usher-Client` (client application), `Usher-Customer`, `Usher-Conversation` (optional).
They are believed only beside a service token that may speak for customers.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

CLIENT_HEADER = "Usher-Client"
CUSTOMER_HEADER = "Usher-Customer"
CONVERSATION_HEADER = "Usher-Conversation"


class Principal(BaseModel):
    """The customer that an internal call acts for, and through which client application."""

    model_config = ConfigDict(frozen=True)

    client_id: str = Field(min_length=1, max_length=128)
    customer_id: str = Field(min_length=1, max_length=128)

    def headers(self, conversation_id: str | None = None) -> dict[str, str]:
        headers = {CLIENT_HEADER: self.client_id, CUSTOMER_HEADER: self.customer_id}
        if conversation_id:
            headers[CONVERSATION_HEADER] = conversation_id
        return headers
