"""Idempotency-Key: the second request with a key gets the first one's answer and has no effect of its own."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from usher_gateway.replay.model import Answer
from usher_shared.errors import Conflict, RateLimited, UsherError
from usher_shared.idempotency import IdempotencyRecords, Lease, Replay

_LOG = logging.getLogger(__name__)
MAX_RECORDED_BYTES = 900_000  # a document holds a mebibyte, and JSON escapes some characters

RenderProblem = Callable[[UsherError], Answer]


class Replays:
    """`render` turns a failure into the answer that is recorded for it."""

    def __init__(self, records: IdempotencyRecords, render: RenderProblem) -> None:
        self._records = records
        self._render = render

    async def begin(self, key: str | None, scope: tuple[str, ...], body: bytes) -> Answer | Lease | None:
        """The recorded answer, or the right to execute, or None without a key. Raises InFlight, KeyReused."""
        if key is None:
            return None
        begun = await self._records.begin(scope, key, body)
        return Answer.from_record(begun.status, begun.body) if isinstance(begun, Replay) else begun

    async def run(
        self, key: str | None, scope: tuple[str, ...], body: bytes, execute: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Execute once for (scope, key). Scope is (client, customer, route).

        A refusal is recorded like a success. What may go otherwise the next time (busy, over the limit, failed,
        unanswered) is not: then the key may be used again. A process that dies in flight leaves a lease that ends.
        """
        begun = await self.begin(key, scope, body)
        if begun is None:
            return await execute()
        if isinstance(begun, Answer):
            return begun
        try:
            async with self._records.held(begun):
                answer = await execute()
        except UsherError as error:
            if error.http_status >= 500 or isinstance(error, Conflict | RateLimited):
                await self._records.abandon(begun)
                raise
            answer = self._render(error)
        except Exception:
            await self._records.abandon(begun)
            raise
        await self.finish(begun, answer)
        return answer

    def held(self, lease: Lease) -> AbstractAsyncContextManager[None]:
        """Keep the right to execute for as long as the block runs."""
        return self._records.held(lease)

    async def finish(self, lease: Lease, answer: Answer) -> None:
        if len(answer.body) > MAX_RECORDED_BYTES:
            _LOG.warning("answer too large to be recorded for its Idempotency-Key", extra={"bytes": len(answer.body)})
            await self._records.abandon(lease)
            return
        about = answer.conversation_id
        await self._records.finish_alone(lease, answer.status, answer.to_record(), conversation_id=about)

    async def erase(self, conversation_id: str) -> None:
        """Drop what is recorded of a conversation that was erased: its keys then lead to the agent's refusal."""
        await self._records.erase(conversation_id)

    async def abandon(self, lease: Lease) -> None:
        await self._records.abandon(lease)
