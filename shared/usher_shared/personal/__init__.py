"""Personal data in text: found by expressions and check digits, taken out for good (`redact`) or for a while (`Vault`).

No model is asked, so that it can run on every message. What it misses is measured; the guide of the guardrails says it.
"""

from usher_shared.personal.cards import CARD_REPLACEMENT, contains_card, mask_cards
from usher_shared.personal.finding import Found, Sort, find, redact
from usher_shared.personal.vault import Vault

__all__ = ["CARD_REPLACEMENT", "Found", "Sort", "Vault", "contains_card", "find", "mask_cards", "redact"]
