"""Public keys of token issuers: a JWKS file, a JWKS URL (RFC 7517)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from usher_shared.errors import Unavailable
from usher_shared.http.tokens import ASYMMETRIC_ALGORITHMS

_LOG = logging.getLogger(__name__)
_APART_SECONDS = 1.0  # between two attempts, however badly keys are wanted
_MAX_BYTES = 1 << 18
_RSA_BITS = 2048


class BadKeySet(ValueError):
    """The text is no JWKS."""


def parse_jwks(text: bytes) -> list[jwt.PyJWK]:
    """The usable signing keys: asymmetric, of an accepted algorithm, RSA of 2048 bits at least. Raises BadKeySet."""
    try:
        entries = orjson.loads(text)["keys"]
        if not isinstance(entries, list):
            raise TypeError("keys is no list")
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise BadKeySet(f"not a JWKS: {error}") from error
    keys = []
    for entry in entries:
        try:
            key = jwt.PyJWK(entry)
        except (jwt.PyJWTError, AttributeError, KeyError, TypeError, ValueError):
            continue  # a provider may publish keys of kinds that are not ours
        weak = isinstance(key.key, RSAPublicKey) and key.key.key_size < _RSA_BITS
        if key.algorithm_name in ASYMMETRIC_ALGORITHMS and key.public_key_use in (None, "sig") and not weak:
            keys.append(key)
    return keys


def _choose(keys: Sequence[jwt.PyJWK], key_id: str | None) -> jwt.PyJWK | None:
    if key_id is None:
        return keys[0] if len(keys) == 1 else None
    return next((key for key in keys if key.key_id == key_id), None)


async def _read_bounded(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_BYTES:
            raise BadKeySet("longer than any key set")
    return body


class FileKeySet:
    """Reads the file again when it has changed; a missing file is an empty set."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._keys: list[jwt.PyJWK] = []

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        try:
            status = self._path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            if stamp != self._stamp:
                self._keys = parse_jwks(self._path.read_bytes())
                self._stamp = stamp
        except FileNotFoundError:
            self._keys, self._stamp = [], None
        except BadKeySet as error:
            raise Unavailable("the token issuer's keys cannot be read now", retry_after_seconds=5) from error
        return _choose(self._keys, key_id)

    async def close(self) -> None:
        """Nothing is held open."""


class UrlKeySet:
    """Fetches the JWKS every `refresh_seconds`; for an unknown key sooner, `unknown_seconds` after the last attempt.

    While the URL does not answer, the keys it gave last are used, and nobody waits for a refresh of what is known.
    """

    def __init__(
        self, url: str, *, timeout_seconds: float = 5.0, refresh_seconds: float = 600.0, unknown_seconds: float = 30.0
    ) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._refresh_seconds = refresh_seconds
        self._unknown_seconds = unknown_seconds
        self._keys: list[jwt.PyJWK] | None = None
        self._fetched = 0.0
        self._tried = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        if self._keys is None:
            await self._refresh(_APART_SECONDS)
        key = _choose(self._keys or (), key_id)
        if key is None:
            await self._refresh(self._unknown_seconds)
            key = _choose(self._keys or (), key_id)
        elif time.monotonic() - self._fetched > self._refresh_seconds:
            self._start(_APART_SECONDS)
        if self._keys is None:
            raise Unavailable("the token issuer's keys cannot be read now", retry_after_seconds=5)
        return key

    def _start(self, apart_seconds: float) -> asyncio.Task[None] | None:
        """The fetch in hand, a new one, or None when the last attempt is too recent."""
        if self._fetching is None or self._fetching.done():
            if time.monotonic() - self._tried < apart_seconds:
                return None
            self._fetching = asyncio.create_task(self._fetch(), name="fetch-jwks")
        return self._fetching

    async def _refresh(self, apart_seconds: float) -> None:
        fetching = self._start(apart_seconds)
        if fetching is not None:
            await asyncio.shield(fetching)  # others wait for it too

    async def _fetch(self) -> None:
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout) as session,  # too rare to keep a connection for
                session.get(self._url, allow_redirects=False) as response,
            ):
                if response.status != 200:
                    raise BadKeySet(f"answered {response.status}")
                self._keys = parse_jwks(await _read_bounded(response))
                self._fetched = time.monotonic()
        except (aiohttp.ClientError, TimeoutError, BadKeySet) as error:
            _LOG.warning("JWKS not fetched", extra={"url": self._url, "error": repr(error)})
        finally:
            self._tried = time.monotonic()

    async def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.gather(self._fetching, return_exceptions=True)
