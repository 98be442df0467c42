"""A first glance at a text: whether its digits stand as those of a telephone or a card do.

A hundred times faster than the expressions; it lets through what may be one, and never holds back what is.
"""

from __future__ import annotations

_CLASSES = bytes(
    ord("0") if chr(c).isdigit() and c < 128 else ord("-") if chr(c) in " ./-_()" else ord("@") if c == 64 else ord("x")
    for c in range(256)
)
# with separators of other scripts, which are two or three bytes each
_DIALLED = (
    b"0000000",
    b"000-000",
    b"000--000",
    b"000---000",
    b"00-00-00-00",
    b"000xx000",
    b"000xxx000",
    b"-000-0",
    b"-000--0",
    b"-000000",
)
_CARD = (
    b"00000000",
    b"0000-0000",
    b"0000--0000",
    b"0000---0000",
    b"00-00-00-00-00",
    b"0-0-0-0-0",
    b"0000x0000",
    b"0000xx0000",
    b"0000xxx0000",
)


def shape(text: str) -> bytes:
    """The text with digits as `0`, separators as `-`, at-signs as they are and all else as `x`."""
    return text.encode("utf-8", "replace").translate(_CLASSES)


def may_dial(shape: bytes) -> bool:
    return any(map(shape.__contains__, _DIALLED))


def may_pay(shape: bytes) -> bool:
    return any(map(shape.__contains__, _CARD))
