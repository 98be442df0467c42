"""A box office whose process ends, as by `kill -9`, before or after any step of its work.

A step is a transaction of the store or a call of the provider. After the end nothing of the old process runs on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from usher_shared.idempotency import IdempotencyRecords
from usher_tools.office import Office


class Killed(BaseException):
    """As `kill -9`: no handler of ours may do anything about it."""


@dataclass
class Life:
    """`points` is how many points before and after steps are lived through; None: all."""

    points: int | None
    lived: int = 0

    def live(self) -> None:
        if self.points is not None and self.lived >= self.points:
            raise Killed
        self.lived += 1

    async def step(self, work: Callable[[], Awaitable[Any]]) -> Any:
        self.live()
        result = await work()
        self.live()
        return result


class MortalStore:
    def __init__(self, inner: Any, life: Life) -> None:
        self._inner, self._life = inner, life

    async def transaction(self, fn: Any) -> Any:
        return await self._life.step(lambda: self._inner.transaction(fn))

    async def get(self, *wanted: Any) -> Any:
        return await self._inner.get(*wanted)

    async def query(self, *wanted: Any) -> Any:
        return await self._inner.query(*wanted)


class MortalPayments:
    def __init__(self, inner: Any, life: Life) -> None:
        self._inner, self._life = inner, life

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **wanted: Any) -> Any:
            return await self._life.step(lambda: getattr(self._inner, name)(*args, **wanted))

        return call


def mortal(office: Office, life: Life) -> Office:
    store: Any = MortalStore(office.store, life)
    payments: Any = MortalPayments(office.payments, life)
    return replace(office, store=store, payments=payments, records=IdempotencyRecords(store, office.clock))
