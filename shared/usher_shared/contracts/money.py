"""Money: integer minor units inside, a decimal number of major units at the HTTP edge."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

# ISO 4217 currencies whose minor unit is not a hundredth
_EXPONENTS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
# what cards are charged in, minor units, where it is not one of them: three-decimal currencies in tens, and MGA whole,
# though ISO 4217 gives it two decimals (https://docs.stripe.com/currencies)
_CHARGEABLE_STEPS = {3: 10}
_CHARGEABLE_STEPS_OF = {"MGA": 100}
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


def exponent(currency: str) -> int:
    """Decimal places of the currency's minor unit (2 unless ISO 4217 says otherwise)."""
    return _EXPONENTS.get(currency, 2)


def chargeable_step(currency: str) -> int:
    """The step, minor units, that every amount charged or given back is a multiple of: 10 for KWD, mostly 1."""
    return _CHARGEABLE_STEPS_OF.get(currency) or _CHARGEABLE_STEPS.get(exponent(currency), 1)


def chargeable(amount: Decimal | int, currency: str, *, rounding: str = ROUND_HALF_EVEN) -> int:
    """Minor units, rounded to what can be charged in the currency: 5124.5 fils of KWD -> 5120."""
    step = chargeable_step(currency)
    return int((Decimal(amount) / step).quantize(Decimal(1), rounding=rounding)) * step


def to_major(minor: int, currency: str) -> float:
    """Minor units to the number shown at the edge: 12000 USD -> 120.0."""
    return float(Decimal(minor).scaleb(-exponent(currency)))


def to_minor(major: float | Decimal | str, currency: str) -> int:
    """The edge's number to minor units, rounded half to even: 120.0 USD -> 12000."""
    scaled = Decimal(str(major)).scaleb(exponent(currency))
    return int(scaled.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def format_money(minor: int, currency: str) -> str:
    """For a person: `$1,240.50`, `€90.00`, `CHF 35.00`, `-$5.00`."""
    sign = "-" if minor < 0 else ""
    number = f"{Decimal(abs(minor)).scaleb(-exponent(currency)):,.{exponent(currency)}f}"
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{currency} {number}"
