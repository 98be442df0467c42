"""The conversation's wire: what the gateway offers in public and asks of the agent."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from usher_shared.contracts.knowledge import Citation

CONVERSATION_ID = r"^[A-Za-z0-9._:-]+$"
MAX_MESSAGE = 8_000


Metadata = dict[
    Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")], Annotated[str, Field(max_length=1000)]
]


class Attachment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    kind: Literal["image", "audio", "document"]
    content_type: str = Field(max_length=100)
    data: str = Field(description="base64", max_length=700_000)


class ChatRequest(BaseModel):
    """Body of POST /chat. `customer_id` needs the scope act_as_customer.

    `metadata.payment_method_token` names the customer's payment method (never a card number); without it the one
    on file is charged.
    """

    model_config = ConfigDict(extra="forbid")

    message: str = Field(min_length=1, max_length=MAX_MESSAGE, pattern=r"\S")
    conversation_id: str | None = Field(default=None, min_length=1, max_length=128, pattern=CONVERSATION_ID)
    customer_id: str | None = Field(default=None, min_length=1, max_length=128, pattern=CONVERSATION_ID)
    attachments: list[Attachment] = Field(default_factory=list, max_length=4)
    metadata: Metadata = Field(default_factory=dict, max_length=16)


class TurnRequest(BaseModel):
    """Body of POST /turns on the agent; identity travels in the headers of `identity`."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(min_length=1, max_length=MAX_MESSAGE)
    conversation_id: str | None = Field(default=None, max_length=128, pattern=CONVERSATION_ID)
    attachments: list[Attachment] = Field(default_factory=list, max_length=4)
    metadata: Metadata = Field(default_factory=dict, max_length=16)


class ToolCallView(BaseModel):
    name: str
    arguments: dict[str, Any]
    status: Literal["ok", "error", "refused", "confirmation_required", "unknown"]
    latency_ms: float


class ConfirmationView(BaseModel):
    """A proposal that waits for the customer's yes. `total` in major units; negative is money back."""

    id: str
    action: str
    summary: str
    total: float
    currency: str
    policy: str
    expires_at: AwareDatetime


class ModelView(BaseModel):
    name: str
    version: str
    variant: str


class Usage(BaseModel):
    """Tokens of the turn's model calls, `cached_tokens` of the prompt's among them. `cost_usd` is null where a price
    or a count is not known; what runs on our own machines costs nothing a token.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_tokens: int = 0
    cost_usd: float | None = None


class ChatResponse(BaseModel):
    """Answer of POST /chat, POST /turns and POST /confirmations/{id}."""

    conversation_id: str
    message_id: str
    reply: str
    agent: str
    tool_calls: list[ToolCallView]
    confirmation: ConfirmationView | None
    citations: list[Citation] = Field(default_factory=list, description="the documents that the reply rests on")
    model: ModelView
    usage: Usage


class DecisionRequest(BaseModel):
    """Body of POST /confirmations/{id}."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["approve", "reject"]


class MessageView(BaseModel):
    message_id: str
    role: Literal["user", "assistant"]
    text: str
    at: AwareDatetime


class TicketNote(BaseModel):
    """A person has a matter of the conversation: `reason` is `asked`, `failures` or a refusal's code."""

    ticket_id: str
    reason: str
    at: AwareDatetime


class ConversationView(BaseModel):
    conversation_id: str
    customer_id: str
    status: Literal["open", "ended"]
    started_at: AwareDatetime
    messages: list[MessageView]
    confirmation: ConfirmationView | None
    order_ids: list[str]
    tickets: list[TicketNote] = Field(default_factory=list)


class ConversationStatus(BaseModel):
    """Answer of end, cancel and erase."""

    conversation_id: str
    status: Literal["open", "ended", "cancelled", "erased"]


class FeedbackRequest(BaseModel):
    """Body of POST /feedback."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: str = Field(max_length=128, pattern=CONVERSATION_ID)
    message_id: str = Field(max_length=128, pattern=CONVERSATION_ID)
    rating: Literal[-1, 1]
    comment: str | None = Field(default=None, max_length=2000)
