"""Where the identity provider's public keys come from."""

from __future__ import annotations

from typing import Protocol

import jwt


class KeySet(Protocol):
    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        """The provider's signing key of that `kid` (without one: its only key), or None.

        Raises Unavailable when the keys were never read and cannot be read now.
        """
        ...

    async def close(self) -> None: ...
