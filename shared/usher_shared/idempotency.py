"""Idempotency records (IETF draft-ietf-httpapi-idempotency-key-header; semantics as Stripe documents them).

One record per (scope, key). `begin` leases it to one executor; the executor's own transaction checks the lease
and finishes the record with status and body, so that effect and answer are written together. Leases are short and
renewed while the executor lives (`held`): a crash in flight recovers within seconds. Records live for 24 hours;
one of a conversation goes when that is erased (`erase`), and none comes after.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from usher_shared.clock import Clock, from_timestamp, to_timestamp
from usher_shared.documents import DocumentStore, Filter, Query, Transaction
from usher_shared.errors import Conflict, InvalidRequest, Unprocessable, UsherError

_LOG = logging.getLogger(__name__)
_KEEP = timedelta(hours=24)
_BATCH = 100


class InFlight(Conflict):
    """The same key is being executed by another request: try again after `retry_after_seconds`."""

    code = "idempotency_in_flight"


class KeyReused(Unprocessable):
    """The key was used before with another body."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Replay:
    """The recorded answer of the finished first execution."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to execute once. `owner` tells this execution from one that took over after a crash."""

    record_id: str
    owner: str
    fingerprint: str


def request_name(scope: tuple[str, ...], key: str) -> str:
    """One name (SHA-256, hex) for the request with that key within its scope, in this service and in others."""
    return hashlib.sha256("\x1f".join((*scope, key)).encode()).hexdigest()


def _mark_of(conversation_id: str) -> str:
    """The document that says for as long as records live that the conversation was erased."""
    return request_name(("erased",), conversation_id)


class IdempotencyRecords:
    def __init__(self, store: DocumentStore, clock: Clock, *, lease: timedelta = timedelta(seconds=8)) -> None:
        self._store = store
        self._clock = clock
        self._lease = lease

    async def begin(self, scope: tuple[str, ...], key: str, body: bytes) -> Replay | Lease:
        """Scope is (client, customer, route). Raises InFlight, KeyReused, InvalidRequest (malformed key)."""
        if not 1 <= len(key) <= 255 or not key.isprintable():
            raise InvalidRequest("Idempotency-Key is 1 to 255 printable characters", code="bad_idempotency_key")
        record_id = request_name(scope, key)
        lease = Lease(record_id, secrets.token_hex(8), hashlib.sha256(body).hexdigest())

        async def take(tx: Transaction) -> Replay | Lease:
            record = await tx.get("idempotency", record_id)
            now = self._clock.now()
            if record is not None and from_timestamp(record["expires_at"]) > now:
                if record["fingerprint"] != lease.fingerprint:
                    raise KeyReused("this Idempotency-Key was used with another body")
                if record["status"] is not None:
                    return Replay(record["status"], record["body"])
                remaining = (from_timestamp(record["leased_until"]) - now).total_seconds()
                if remaining > 0:
                    raise InFlight(
                        "the first request with this key is still running",
                        retry_after_seconds=min(remaining, 1.0),
                    )
            tx.set("idempotency", record_id, self._record(lease, None, None))
            return lease

        return await self._store.transaction(take)

    @asynccontextmanager
    async def held(self, lease: Lease) -> AsyncIterator[None]:
        """Renew the lease for as long as the block runs."""
        renewing = asyncio.create_task(self._renew(lease), name="idempotency-lease")
        try:
            yield
        finally:
            renewing.cancel()

    async def _renew(self, lease: Lease) -> None:
        async def renew(tx: Transaction) -> bool:
            record = await tx.get("idempotency", lease.record_id)
            if record is None or record["owner"] != lease.owner or record["status"] is not None:
                return False
            tx.set("idempotency", lease.record_id, self._record(lease, None, None))
            return True

        while True:
            await asyncio.sleep(self._lease.total_seconds() / 3)
            try:
                if not await self._store.transaction(renew):
                    return
            except UsherError as error:  # the next round may succeed; if none does, the lease ends
                _LOG.warning("lease not renewed", extra={"error": error.code})

    async def check(self, tx: Transaction, lease: Lease) -> None:
        """First read of the executor's transaction. Raises InFlight if another execution took over."""
        record = await tx.get("idempotency", lease.record_id)
        if record is None or record["owner"] != lease.owner or record["status"] is not None:
            raise InFlight("another execution of this key took over", retry_after_seconds=1.0)

    def finish(self, tx: Transaction, lease: Lease, status: int, body: Any) -> None:
        """Record the answer (JSON value) in the executor's transaction."""
        tx.set("idempotency", lease.record_id, self._record(lease, status, body))

    async def finish_alone(self, lease: Lease, status: int, body: Any, *, conversation_id: str | None = None) -> None:
        """Record the answer of an execution that has no transaction of its own here.

        One that tells of a conversation names it: nothing is recorded when it was erased meanwhile.
        """

        async def fn(tx: Transaction) -> None:
            await self.check(tx, lease)
            if conversation_id is None:
                self.finish(tx, lease, status, body)
            elif await tx.get("idempotency", _mark_of(conversation_id)) is not None:
                tx.delete("idempotency", lease.record_id)
            else:
                record = self._record(lease, status, body)
                tx.set("idempotency", lease.record_id, {**record, "conversation_id": conversation_id})

        await self._store.transaction(fn)

    async def erase(self, conversation_id: str) -> None:
        """Drop the recorded answers of an erased conversation; those still under way are not recorded either."""
        expires_at = to_timestamp(self._clock.now() + _KEEP)
        # first the mark: whoever finishes from here on sees it, and whoever finished before is found
        await self._store.set("idempotency", _mark_of(conversation_id), {"expires_at": expires_at})
        query = Query("idempotency", (Filter("conversation_id", "==", conversation_id),), "expires_at", limit=_BATCH)
        while page := (await self._store.query(query)).documents:
            ids = [document.id for document in page]

            async def fn(tx: Transaction, ids: list[str] = ids) -> None:
                for id in ids:
                    tx.delete("idempotency", id)

            await self._store.transaction(fn)

    async def abandon(self, lease: Lease) -> None:
        """Nothing happened and nothing is recorded: the key may be used again."""

        async def fn(tx: Transaction) -> None:
            record = await tx.get("idempotency", lease.record_id)
            if record is not None and record["owner"] == lease.owner and record["status"] is None:
                tx.delete("idempotency", lease.record_id)

        await self._store.transaction(fn)

    def _record(self, lease: Lease, status: int | None, body: Any) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "owner": lease.owner,
            "fingerprint": lease.fingerprint,
            "leased_until": to_timestamp(now + self._lease),
            "status": status,
            "body": body,
            "expires_at": to_timestamp(now + _KEEP),
        }
