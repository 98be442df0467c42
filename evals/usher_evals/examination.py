"""Every task, some trials each: a fresh box office for each trial where there is one to be had."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager

from usher_evals.running import Bench, Run, run_task
from usher_evals.tasks.model import Task
from usher_evals.tasks.troubles import Trouble

OpenBench = Callable[[int], AbstractAsyncContextManager[Bench]]
"""A bench for a trial, by its number."""
_SLOW = (Trouble.SHORT_HOLD, Trouble.SHORT_HOLD_LOST)


async def examine(tasks: Sequence[Task], trials: int, open_bench: OpenBench, done: Callable[[Run], None]) -> list[Run]:
    """All runs, by trial. `done` hears of each as it ends."""
    runs: list[Run] = []
    for trial in range(trials):
        async with open_bench(trial) as bench:
            async for run in _trial(tasks, trial, bench):
                runs.append(run)
                done(run)
    return runs


async def _trial(tasks: Sequence[Task], trial: int, bench: Bench) -> AsyncIterator[Run]:
    slow_first = sorted(tasks, key=lambda task: task.fault is None or task.fault.trouble not in _SLOW)
    running = [asyncio.create_task(run_task(bench, task, trial), name=task.id) for task in slow_first]
    try:
        for finished in asyncio.as_completed(running):
            yield await finished
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
