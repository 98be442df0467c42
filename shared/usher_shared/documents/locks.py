"""Locks inside one process, with deadlock detection, for an adapter whose server makes conflicts expensive.

They decide nothing about correctness, the server does: they queue transactions of one process that would meet at the
server anyway. First come, first served, but who already holds a resource and wants more of it goes first. A wait that
would close a circle of waits is refused with Deadlock instead: the caller lets go of everything and
starts again after a random pause (without one, all may keep step and meet again).
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field


class Deadlock(Exception):
    """This wait would never end."""


class Mode(enum.Enum):
    """READ goes with READ, WRITE (of parts of the resource) goes with WRITE, EXCLUSIVE with nothing."""

    READ = 1
    WRITE = 2
    EXCLUSIVE = 3

    def goes_with(self, other: Mode) -> bool:
        return self is other and self is not Mode.EXCLUSIVE

    def covers(self, other: Mode) -> bool:
        return self is other or self is Mode.EXCLUSIVE


@dataclass(eq=False, slots=True)
class _Wait:
    holder: Locks
    mode: Mode
    granted: asyncio.Future[None]


@dataclass(eq=False, slots=True)
class _Resource:
    held: dict[Locks, Mode] = field(default_factory=dict)
    waits: list[_Wait] = field(default_factory=list)

    def hinders(self, wait: _Wait) -> Iterator[Locks]:
        """Who must let go before this wait ends: incompatible holders, and whoever is next ahead in the queue."""
        for holder, mode in self.held.items():
            if holder is not wait.holder and not mode.goes_with(wait.mode):
                yield holder
        position = self.waits.index(wait)
        if position:
            yield self.waits[position - 1].holder


class LockTable:
    """All resources of one store, named by any hashable; what nobody holds or wants is forgotten."""

    def __init__(self) -> None:
        self._resources: dict[Hashable, _Resource] = {}

    def locks(self) -> Locks:
        """An empty set of locks for one attempt of one transaction."""
        return Locks(self._resources)

    def __len__(self) -> int:
        return len(self._resources)


class Locks:
    """What one transaction holds; used by one task at a time."""

    def __init__(self, resources: dict[Hashable, _Resource]) -> None:
        self._resources = resources
        self._names: set[Hashable] = set()
        self.waits_for: tuple[_Resource, _Wait] | None = None

    async def take(self, name: Hashable, mode: Mode) -> None:
        """Hold the resource in that mode, waiting as long as it takes; READ and WRITE together are EXCLUSIVE.

        Raises Deadlock. After that, or when cancelled, what was held before is still held.
        """
        resource = self._resources.setdefault(name, _Resource())
        self._names.add(name)
        before = resource.held.get(self)
        if before is not None:
            if before.covers(mode):
                return
            mode = Mode.EXCLUSIVE
        wait = _Wait(self, mode, asyncio.get_running_loop().create_future())
        if before is None:
            resource.waits.append(wait)
        else:
            resource.waits.insert(0, wait)
        _grant(resource)
        if wait.granted.done():
            return
        self.waits_for = (resource, wait)
        try:
            if self._waits_for_itself():
                raise Deadlock
            await wait.granted
        finally:
            self.waits_for = None
            if wait in resource.waits:
                resource.waits.remove(wait)
                _grant(resource)

    def release(self) -> None:
        """Let go of everything."""
        for name in self._names:
            resource = self._resources.get(name)
            if resource is None:  # waited for and never held, and forgotten since by who held it
                continue
            resource.held.pop(self, None)
            _grant(resource)
            if not resource.held and not resource.waits:
                del self._resources[name]
        self._names.clear()

    def _waits_for_itself(self) -> bool:
        seen: set[Locks] = set()
        ahead: list[Locks] = [self]
        while ahead:
            waiting = ahead.pop().waits_for
            for other in waiting[0].hinders(waiting[1]) if waiting else ():
                if other is self:
                    return True
                if other not in seen:
                    seen.add(other)
                    ahead.append(other)
        return False


def _grant(resource: _Resource) -> None:
    """Let in from the front of the queue whoever nobody hinders any more."""
    while resource.waits:
        wait = resource.waits[0]
        if any(True for _ in resource.hinders(wait)):
            return
        resource.waits.pop(0)
        resource.held[wait.holder] = wait.mode
        wait.holder.waits_for = None
        if not wait.granted.done():
            wait.granted.set_result(None)
