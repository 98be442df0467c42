"""Identifiers: a readable prefix and 26 characters that sort by time of creation (ULID layout)."""

from __future__ import annotations

import itertools
import secrets
import time
from typing import Protocol

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32


class IdGenerator(Protocol):
    def new(self, prefix: str) -> str:
        """A fresh identifier `<prefix>_<26 characters>`, unguessable and unique."""
        ...


def _encode(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        characters.append(_ALPHABET[number & 31])
        number >>= 5
    return "".join(reversed(characters))


class UlidGenerator:
    """48 bits of milliseconds, 80 bits of randomness (github.com/ulid/spec, without monotonic mode)."""

    def new(self, prefix: str) -> str:
        return f"{prefix}_{_encode(time.time_ns() // 1_000_000, 10)}{_encode(secrets.randbits(80), 16)}"


class SequentialIds:
    """Predictable identifiers for tests: `HOLD_00000000000000000000000001`."""

    def __init__(self) -> None:
        self._counter = itertools.count(1)

    def new(self, prefix: str) -> str:
        return f"{prefix}_{next(self._counter):026d}"
