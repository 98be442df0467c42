"""Locks of one process: who waits for whom, in which order, and what happens when nobody could go on."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest

from usher_shared.documents.backoff import pause_seconds
from usher_shared.documents.locks import Deadlock, LockTable, Mode

READ, WRITE, EXCLUSIVE = Mode.READ, Mode.WRITE, Mode.EXCLUSIVE


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("first", "second", "together"),
    [
        (READ, READ, True),
        (WRITE, WRITE, True),
        (READ, WRITE, False),
        (WRITE, READ, False),
        (READ, EXCLUSIVE, False),
        (EXCLUSIVE, WRITE, False),
        (EXCLUSIVE, EXCLUSIVE, False),
    ],
)
async def test_which_modes_go_together(first: Mode, second: Mode, together: bool) -> None:
    table = LockTable()
    one, other = table.locks(), table.locks()
    await one.take("a", first)
    waiting = asyncio.create_task(other.take("a", second))
    await settle()
    assert waiting.done() is together
    one.release()
    await waiting
    other.release()
    assert len(table) == 0


async def test_resources_are_apart() -> None:
    table = LockTable()
    await table.locks().take("a", EXCLUSIVE)
    await table.locks().take("b", EXCLUSIVE)


async def test_first_come_first_served_and_no_reader_overtakes_a_waiting_writer() -> None:
    table, order = LockTable(), list[str]()
    holder = table.locks()
    await holder.take("a", READ)

    async def want(name: str, mode: Mode) -> None:
        locks = table.locks()
        await locks.take("a", mode)
        order.append(name)
        locks.release()

    tasks = []
    for name, mode in (("writer", EXCLUSIVE), ("reader", READ), ("last", EXCLUSIVE)):
        tasks.append(asyncio.create_task(want(name, mode)))
        await settle()
    assert order == []
    holder.release()
    await asyncio.gather(*tasks)
    assert order == ["writer", "reader", "last"]


async def test_more_of_what_one_holds_comes_before_the_queue() -> None:
    table = LockTable()
    one, other, third = table.locks(), table.locks(), table.locks()
    await one.take("a", READ)
    await third.take("a", READ)
    queued = asyncio.create_task(other.take("a", EXCLUSIVE))
    await settle()
    upgrade = asyncio.create_task(one.take("a", EXCLUSIVE))
    await settle()
    third.release()
    await upgrade
    assert not queued.done()
    one.release()
    await queued


async def test_reading_and_writing_a_resource_is_having_it_alone() -> None:
    table = LockTable()
    one, other = table.locks(), table.locks()
    await one.take("a", READ)
    await one.take("a", WRITE)
    waiting = asyncio.create_task(other.take("a", WRITE))
    await settle()
    assert not waiting.done()
    one.release()
    await waiting


async def test_a_circle_of_two_is_refused_to_who_closes_it() -> None:
    table = LockTable()
    one, other = table.locks(), table.locks()
    await one.take("a", EXCLUSIVE)
    await other.take("b", EXCLUSIVE)
    waiting = asyncio.create_task(one.take("b", EXCLUSIVE))
    await settle()
    with pytest.raises(Deadlock):
        await other.take("a", READ)
    assert not waiting.done()
    other.release()
    await waiting


async def test_two_readers_who_both_want_to_write_are_a_circle() -> None:
    table = LockTable()
    one, other = table.locks(), table.locks()
    await one.take("a", READ)
    await other.take("a", READ)
    waiting = asyncio.create_task(one.take("a", EXCLUSIVE))
    await settle()
    with pytest.raises(Deadlock):
        await other.take("a", EXCLUSIVE)
    other.release()
    await waiting


async def test_a_circle_through_a_queue_is_found() -> None:
    """One waits for another's place in a queue, not for a holder."""
    table = LockTable()
    reader, queued, late = table.locks(), table.locks(), table.locks()
    await reader.take("a", READ)
    await late.take("b", EXCLUSIVE)
    first = asyncio.create_task(queued.take("a", EXCLUSIVE))
    await settle()
    second = asyncio.create_task(late.take("a", READ))  # behind `queued`, though READ goes with READ
    await settle()
    with pytest.raises(Deadlock):
        await reader.take("b", READ)
    reader.release()
    await first
    queued.release()
    await second


async def test_who_is_cancelled_leaves_the_queue() -> None:
    table = LockTable()
    holder, gone, after = table.locks(), table.locks(), table.locks()
    await holder.take("a", READ)
    leaving = asyncio.create_task(gone.take("a", EXCLUSIVE))
    await settle()
    waiting = asyncio.create_task(after.take("a", READ))
    await settle()
    assert not waiting.done()
    leaving.cancel()
    await waiting
    gone.release()
    holder.release()
    after.release()
    assert len(table) == 0


async def test_a_storm_ends_and_nobody_is_let_in_twice() -> None:
    """Random resources in random order: with retries after Deadlock everyone gets through, alone where it must."""
    table, random_ = LockTable(), random.Random(7)
    inside: dict[str, list[Mode]] = {name: [] for name in "abcd"}
    done = 0

    async def work(wants: list[tuple[str, Mode]]) -> None:
        nonlocal done
        for tries in itertools.count(1):
            locks, held = table.locks(), list[tuple[str, Mode]]()
            try:
                for name, mode in wants:
                    await locks.take(name, mode)
                    assert all(mode.goes_with(other) for other in inside[name])
                    inside[name].append(mode)
                    held.append((name, mode))
                    await asyncio.sleep(0)
                done += 1
                return
            except Deadlock:
                pass
            finally:
                for name, mode in held:
                    inside[name].remove(mode)
                locks.release()
            await asyncio.sleep(pause_seconds(tries, first=0.002, most=1))  # as the store does: else all keep step

    wants = [[(name, random_.choice(list(Mode))) for name in random_.sample("abcd", 3)] for _ in range(100)]
    async with asyncio.timeout(30):
        await asyncio.gather(*map(work, wants))
    assert done == 100
    assert len(table) == 0


async def test_who_is_cancelled_while_waiting_lets_go_of_the_rest_after_the_holder_has_gone() -> None:
    table = LockTable()
    holder, waiter = table.locks(), table.locks()
    await holder.take("x", Mode.EXCLUSIVE)
    for name in ("a", "b", "c"):
        await waiter.take(name, Mode.EXCLUSIVE)
    waiting = asyncio.create_task(waiter.take("x", Mode.EXCLUSIVE))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    holder.release()
    waiter.release()
    assert len(table) == 0
