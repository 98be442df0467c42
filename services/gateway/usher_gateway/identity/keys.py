"""API keys: made, listed, revoked, recognised.

A key is `usk_<id>_<secret>`. The secret has 256 random bits, so a plain SHA-256 of it is as hard to undo as the
secret is to guess: a slow password hash would only slow us.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from usher_gateway.identity.model import SCOPES, ApiKey, CreatedKey, is_id
from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.documents import DocumentStore, Query, Transaction
from usher_shared.errors import InvalidRequest, NotFound, Unauthenticated

_KEY = re.compile(r"usk_([a-z0-9]{16})_([A-Za-z0-9_-]{43})")
_COLLECTION = "api_keys"
_CACHE = 4096
_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


async def create_key(
    store: DocumentStore,
    clock: Clock,
    *,
    name: str,
    scopes: Iterable[str],
    requests_per_minute: int | None = None,
    client_id: str | None = None,
) -> CreatedKey:
    """A new key, of a new client application unless `client_id` says whose.

    Raises InvalidRequest for an unknown scope, an empty name, a limit below one or a client id that is no id.
    """
    wanted = tuple(sorted(set(scopes)))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise InvalidRequest(f"scopes are of {', '.join(sorted(SCOPES))}, not {', '.join(unknown) or 'none'}")
    if not 1 <= len(name) <= 100 or not name.isprintable():
        raise InvalidRequest("a key's name is 1 to 100 printable characters")
    if requests_per_minute is not None and requests_per_minute < 1:
        raise InvalidRequest("a key allows at least one request a minute")
    key_id = "".join(secrets.choice(_ID_LETTERS) for _ in range(16))
    client_id = client_id or key_id
    if not is_id(client_id) or len(client_id) > 100:
        raise InvalidRequest("a client id is at most 100 letters, digits and ._:-")
    secret = secrets.token_urlsafe(32)
    key = ApiKey(key_id, client_id, name, wanted, requests_per_minute, clock.now(), None)
    await store.create(_COLLECTION, key_id, {**_to_document(key), "secret_sha256": _digest(secret)})
    return CreatedKey(key, f"usk_{key_id}_{secret}")


async def list_keys(store: DocumentStore) -> list[ApiKey]:
    """All keys, oldest first, revoked ones too."""
    keys: list[ApiKey] = []
    cursor = None
    while True:
        page = await store.query(Query(_COLLECTION, order_by="created_at", after=cursor))
        keys += [_from_document(document.id, document.data) for document in page.documents]
        cursor = page.next_cursor
        if cursor is None:
            return keys


async def revoke_key(store: DocumentStore, clock: Clock, key_id: str) -> ApiKey:
    """End a key's life; a gateway that cached it forgets it within seconds. Raises NotFound."""
    if not re.fullmatch(r"[a-z0-9]{16}", key_id):
        raise NotFound("no such key")

    async def revoke(tx: Transaction) -> ApiKey:
        document = await tx.get(_COLLECTION, key_id)
        if document is None:
            raise NotFound("no such key")
        if document["revoked_at"] is None:
            document["revoked_at"] = to_timestamp(clock.now())
            tx.set(_COLLECTION, key_id, document)
        return _from_document(key_id, document)

    return await store.transaction(revoke)


class KeyRing:
    """Recognises keys; remembers what it looked up for `cache_seconds`, the longest a revoked key still works."""

    def __init__(self, store: DocumentStore, clock: Clock, *, cache_seconds: float) -> None:
        self._store = store
        self._clock = clock
        self._keep = timedelta(seconds=cache_seconds)
        self._known: OrderedDict[str, tuple[datetime, ApiKey, str]] = OrderedDict()

    async def recognise(self, presented: str) -> ApiKey:
        """Raises Unauthenticated: malformed, unknown, wrong or revoked, without saying which."""
        parts = _KEY.fullmatch(presented)
        found = await self._look_up(parts[1]) if parts else None
        if parts is None or found is None:
            raise _refusal()
        key, digest = found
        if not hmac.compare_digest(_digest(parts[2]), digest) or key.revoked_at is not None:
            raise _refusal()
        return key

    async def _look_up(self, key_id: str) -> tuple[ApiKey, str] | None:
        now = self._clock.now()
        known = self._known.get(key_id)
        if known is not None and known[0] > now:
            return known[1], known[2]
        document = await self._store.get(_COLLECTION, key_id)
        if document is None:  # not remembered: a flood of guesses must not push real keys out
            return None
        key, digest = _from_document(key_id, document), str(document["secret_sha256"])
        self._known[key_id] = (now + self._keep, key, digest)
        self._known.move_to_end(key_id)
        if len(self._known) > _CACHE:
            self._known.popitem(last=False)
        return key, digest


def _refusal() -> Unauthenticated:
    return Unauthenticated("the API key is not valid", code="bad_api_key")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _to_document(key: ApiKey) -> dict[str, Any]:
    return {
        "client_id": key.client_id,
        "name": key.name,
        "scopes": list(key.scopes),
        "requests_per_minute": key.requests_per_minute,
        "created_at": to_timestamp(key.created_at),
        "revoked_at": None,
    }


def _from_document(key_id: str, data: dict[str, Any]) -> ApiKey:
    revoked = data["revoked_at"]
    return ApiKey(
        key_id=key_id,
        client_id=data["client_id"],
        name=data["name"],
        scopes=tuple(data["scopes"]),
        requests_per_minute=data["requests_per_minute"],
        created_at=from_timestamp(data["created_at"]),
        revoked_at=from_timestamp(revoked) if revoked else None,
    )
