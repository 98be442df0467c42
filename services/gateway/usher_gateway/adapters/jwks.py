"""KeySet adapters: a JWKS file, a JWKS URL."""

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

from usher_gateway.identity.model import ALGORITHMS
from usher_shared.errors import Unavailable

_LOG = logging.getLogger(__name__)
_REFRESH_SECONDS = 600.0
_UNKNOWN_SECONDS = 30.0
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
        if key.algorithm_name in ALGORITHMS and key.public_key_use in (None, "sig") and not weak:
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
    """Fetches the JWKS every ten minutes, sooner (at most twice a minute) for an unknown key.

    While the URL does not answer, the keys it gave last are used.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 5.0) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._keys: list[jwt.PyJWK] | None = None
        self._fetched = 0.0
        self._tried = float("-inf")
        self._lock = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None

    async def find(self, key_id: str | None) -> jwt.PyJWK | None:
        if self._keys is None or time.monotonic() - self._fetched > _REFRESH_SECONDS:
            await self._fetch(1.0)
        key = _choose(self._keys or (), key_id)
        if key is None:
            await self._fetch(_UNKNOWN_SECONDS)
            key = _choose(self._keys or (), key_id)
        if self._keys is None:
            raise Unavailable("the token issuer's keys cannot be read now", retry_after_seconds=5)
        return key

    async def _fetch(self, apart_seconds: float) -> None:
        async with self._lock:
            if time.monotonic() - self._tried < apart_seconds:
                return
            self._tried = time.monotonic()
            if self._session is None:
                self._session = aiohttp.ClientSession(timeout=self._timeout)
            try:
                async with self._session.get(self._url, allow_redirects=False) as response:
                    response.raise_for_status()
                    self._keys = parse_jwks(await _read_bounded(response))
                    self._fetched = time.monotonic()
            except (aiohttp.ClientError, TimeoutError, BadKeySet) as error:
                _LOG.warning("JWKS not fetched", extra={"url": self._url, "error": repr(error)})

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
