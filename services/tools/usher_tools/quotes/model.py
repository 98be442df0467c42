"""Quotes as they are stored."""

from __future__ import annotations

from typing import Any

from usher_shared.contracts.confirmations import ProtectedAction
from usher_tools.events.model import Stored


class StoredQuote(Stored):
    """Collection `quotes`. `seat_ids` are the seats that an upgrade was quoted with, `credited_minor` what of the money
    back is store credit, `locked_minor` what an exchange moves that no refund gives back as money.

    `relayed` is the whole quote where a venue's own system gave it.
    """

    id: str
    customer_id: str
    action: ProtectedAction
    arguments: dict[str, Any]
    fingerprint: str
    total_minor: int
    credited_minor: int = 0
    locked_minor: int = 0
    currency: str
    seat_ids: list[str]
    expires_at: str
    purge_at: str
    relayed: dict[str, Any] | None = None
