"""Amounts as Stripe counts them: mostly ISO 4217's minor units, with exceptions.

Source: https://docs.stripe.com/currencies (zero-decimal, three-decimal, special cases).
"""

from __future__ import annotations

from usher_shared.contracts.money import exponent, format_money
from usher_tools.payments.ports import PaymentDeclined

_NO_DECIMALS = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_THREE_DECIMALS = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))  # the last digit has to be 0
_WHOLE_ONLY = frozenset(("ISK", "UGX"))  # sent with two decimals that have to be 00


def _factor(currency: str) -> int:
    """How many of Stripe's units a major unit is."""
    if currency in _NO_DECIMALS:
        return 1
    return 1000 if currency in _THREE_DECIMALS else 100


def _ours(currency: str) -> int:
    return (1, 10, 100, 1000)[exponent(currency)]


def to_stripe(amount_minor: int, currency: str) -> int:
    """Our minor units as Stripe's. Raises PaymentDeclined amount_not_chargeable: Stripe cannot take it exactly."""
    scaled, rest = divmod(amount_minor * _factor(currency), _ours(currency))
    step = 10 if currency in _THREE_DECIMALS else 100 if currency in _WHOLE_ONLY else 1
    if rest or scaled % step:
        amount = format_money(amount_minor, currency)
        raise PaymentDeclined(
            f"{amount} cannot be paid by card; nothing was charged or given back", code="amount_not_chargeable"
        )
    return scaled


def from_stripe(amount: int, currency: str) -> int:
    """Stripe's amount in our minor units, rounded down where we count coarser."""
    return amount * _ours(currency) // _factor(currency)
