"""Runs a batch: so many lines at once, written in their order, each tried again while that may help."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import Any

from usher_inference.batches.files import Output, count_lines, read_lines
from usher_inference.batches.model import Failure, Line, Progress, read_line, render_line, render_unreadable
from usher_inference.batches.ports import Answers
from usher_inference.completions.wire import render_problem
from usher_shared.errors import InvalidRequest, NotFound, RateLimited, Unavailable, UpstreamTimeout, UsherError
from usher_shared.ids import IdGenerator

_LOG = logging.getLogger(__name__)
Report = Callable[[Progress], None]
_AHEAD = 4  # lines begun per line that may run: a slow line does not leave the others idle


@dataclass(frozen=True, slots=True)
class Patience:
    """How a line is tried again: `attempts` in all, waiting as long as it was told to, else ever longer.

    After a timeout only `timeouts` in all: what took so long once seldom goes faster. RateLimited is no attempt: the
    queue is full, mostly of this batch's own lines. It is waited out, up to `crowded_seconds` without any answer.
    """

    attempts: int = 6
    timeouts: int = 2
    first_seconds: float = 0.5
    most_seconds: float = 30.0
    crowded_seconds: float = 900.0

    def pause(self, attempt: int, told: float | None) -> float:
        """Seconds to wait after the `attempt`th try (from 1)."""
        wanted = self.first_seconds * 2 ** min(attempt - 1, 20) if told is None else told
        return min(self.most_seconds, max(wanted, self.first_seconds))


@dataclass(frozen=True, slots=True)
class Batch:
    """`source` is answered into `target`, `concurrency` lines at once."""

    source: Path
    target: Path
    concurrency: int = 16


@dataclass(slots=True)
class Clerk:
    """Answers a line, however often that has to be tried."""

    answers: Answers
    ids: IdGenerator
    patience: Patience = Patience()
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _answered: int = field(default=0, init=False)

    async def answer(self, number: int, raw: bytes) -> dict[str, Any]:
        """The line of output for line `number` of the input. Raises Unavailable and RateLimited when all tries fail."""
        try:
            line = read_line(raw)
        except InvalidRequest as error:
            return render_unreadable(number, _failure(error))
        for attempt in count(1):
            try:
                return render_line(line, await self._ask(line), self.ids.new("req"))
            except RateLimited:
                raise
            except (Unavailable, UpstreamTimeout) as error:
                if attempt < (self.patience.timeouts if isinstance(error, UpstreamTimeout) else self.patience.attempts):
                    await self.sleep(self.patience.pause(attempt, error.retry_after_seconds))
                elif isinstance(error, UpstreamTimeout):  # this line takes too long; others may not
                    return render_line(line, _failure(error), self.ids.new("req"))
                else:
                    raise
            except UsherError as error:
                return render_line(line, _failure(error), self.ids.new("req"))
            except Exception as error:  # or the batch would end at this line each time
                _LOG.error("a line failed", exc_info=error, extra={"line": number})
                unexpected = UsherError("an unexpected error occurred; it was logged")
                return render_line(line, _failure(unexpected), self.ids.new("req"))
        raise AssertionError("unreachable")

    async def _ask(self, line: Line) -> dict[str, Any]:
        """The answer, as soon as there is room for the question. Raises RateLimited when there comes to be none."""
        waited, answered = 0.0, self._answered
        for refusal in count(1):
            try:
                answer = await self.answers.answer(line)
            except RateLimited as error:
                if self._answered > answered:
                    waited, answered = 0.0, self._answered
                if waited >= self.patience.crowded_seconds:
                    raise
                pause = self.patience.pause(refusal, error.retry_after_seconds)
                waited += pause
                await self.sleep(pause)
            else:
                self._answered += 1
                return answer
        raise AssertionError("unreachable")


async def run(batch: Batch, clerk: Clerk, report: Report) -> Progress:
    """Answer what has not been answered yet; `report` is called after every line written.

    A line that cannot be answered is written as an error. Raises Unavailable or RateLimited when the model stays away
    (what is written is kept, and another run goes on from there), NotFound for an input that is not there, and Conflict
    for an output that belongs to something else or was begun by another model.
    """
    if not batch.source.is_file():
        raise NotFound(f"there is no file {batch.source}", code="batch_input_missing")
    total = count_lines(batch.source)
    started = time.monotonic()
    room = asyncio.Semaphore(batch.concurrency)
    begun: deque[asyncio.Task[dict[str, Any]]] = deque()

    async def answer(number: int, raw: bytes) -> dict[str, Any]:
        async with room:
            return await clerk.answer(number, raw)

    with Output(batch.target, batch.source, clerk.answers.made_by) as output, batch.source.open("rb") as source:
        resumed = output.done

        def progress() -> Progress:
            return Progress(total, output.done, output.failed, resumed, time.monotonic() - started)

        async def write_first() -> None:
            output.write(await begun.popleft())
            report(progress())

        try:
            for number, raw in enumerate(islice(read_lines(source), resumed, None), resumed + 1):
                begun.append(asyncio.create_task(answer(number, raw)))
                while begun and (begun[0].done() or len(begun) >= _AHEAD * batch.concurrency):
                    await write_first()
            while begun:
                await write_first()
        finally:
            for task in begun:
                task.cancel()
            await asyncio.gather(*begun, return_exceptions=True)
        output.finish()
        return progress()


def _failure(error: UsherError) -> Failure:
    return Failure(error.http_status, render_problem(error))
