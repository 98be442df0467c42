"""A customer's message as a command."""

from __future__ import annotations

from usher_agent.turns.model import TurnCommand
from usher_shared.errors import Unprocessable
from usher_shared.personal import contains_card, mask_cards


def message_command(
    *,
    client_id: str,
    customer_id: str,
    conversation_id: str | None,
    message: str,
    metadata: dict[str, str],
    attachments: int,
    streaming: bool,
    key: str | None = None,
) -> TurnCommand:
    """The command of a customer's message, without card numbers. Raises Unprocessable."""
    if not message.strip():
        raise Unprocessable("the message is empty", code="empty_message")
    token = metadata.get("payment_method_token")
    if token is not None and (not token.strip() or len(token) > 256 or contains_card(token)):
        raise Unprocessable(
            "metadata.payment_method_token names a stored payment method; it is no card number",
            code="bad_payment_method",
        )
    clean = mask_cards(message)
    return TurnCommand(
        client_id=client_id,
        customer_id=customer_id,
        conversation_id=conversation_id,
        message=clean,
        payment_method_token=token,
        attachments=attachments,
        card_removed=clean != message,
        streaming=streaming,
        key=key,
    )
