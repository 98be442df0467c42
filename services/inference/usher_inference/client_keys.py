"""API keys of clients outside of the services: `python -m usher_inference.client_keys` makes one.

A key is `sk-usher-` and 256 random bits, so a plain SHA-256 of it is as hard to undo as the key is to guess. Only the
hashes are configured (USHER_INFERENCE_CLIENT_KEYS); taking one out revokes its key at the next start.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

from usher_shared.errors import Unauthenticated
from usher_shared.http.tokens import TokenVerifier

CLIENT = "client"  # the caller's name of whoever has a key
_PREFIX = "sk-usher-"


class ClientKeys:
    """A TokenVerifier that knows `hashes` of API keys, and leaves every other token to `services`."""

    def __init__(self, hashes: Iterable[str], services: TokenVerifier) -> None:
        self._hashes = frozenset(hashes)
        self._services = services

    async def verify(self, token: str, audience: str) -> str:
        """As TokenVerifier; `client` for a key."""
        if not token.startswith(_PREFIX):
            return await self._services.verify(token, audience)
        if digest(token) not in self._hashes:
            raise Unauthenticated("the API key is not valid", code="invalid_api_key")
        return CLIENT


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def new_key() -> str:
    return _PREFIX + secrets.token_urlsafe(32)


if __name__ == "__main__":
    made = new_key()
    print(f"key:    {made}\nsha256: {digest(made)}")  # noqa: T201  a program's answer
