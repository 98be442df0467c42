"""Continuous batching: requests join and leave a running batch between two of its steps.

One worker thread runs the model. Each step computes the next token of every answer in the making and, within a bound,
pieces of the prompts of those that have just come, so that a long prompt does not make the others wait for long.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress

from usher_inference.generation.grammars import Grammars
from usher_inference.generation.job import Job
from usher_inference.generation.model import Token, TokenRequest, too_long
from usher_inference.generation.ports import BatchModel, Row
from usher_inference.generation.slots import Slots
from usher_inference.generation.spans import record_stages
from usher_inference.metrics import EngineMetrics, Outcome
from usher_shared.errors import InvalidRequest, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout, UsherError
from usher_shared.telemetry import current

_LOG = logging.getLogger(__name__)
_BROKEN_AFTER = 3  # failed steps in a row
_News = tuple[Job, Token | None, Exception | bool]


class Batcher:
    """A Decoder over a BatchModel.

    At most `most_waiting` requests wait for a slot; one more is refused. `prefill_tokens` bounds what a step reads of
    prompts. Without `grammars`, requests with a grammar are refused.
    """

    def __init__(
        self,
        model: BatchModel,
        metrics: EngineMetrics,
        *,
        grammars: Grammars | None = None,
        most_waiting: int = 64,
        prefill_tokens: int = 512,
    ) -> None:
        self._model = model
        self._metrics = metrics
        self._grammars = grammars
        self._most_waiting = most_waiting
        self._prefill_tokens = prefill_tokens
        self._slots = Slots(model.slots, model.context_tokens)
        self._context = model.context_tokens
        self._waiting: deque[Job] = deque()
        self._running: list[Job] = []
        self._work = threading.Condition()  # guards _waiting and _closing
        self._closing = False
        self._failures = 0
        self._seconds_a_request = 1.0  # a moving average, for Retry-After
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    @property
    def context_tokens(self) -> int:
        return self._context

    async def decode(self, request: TokenRequest) -> AsyncGenerator[Token, None]:
        here = current()
        job = await self._make(request)
        self._enter(job)
        timer = None
        if request.deadline_seconds is not None:
            timer = job.inbox.loop.call_later(request.deadline_seconds, self._expire, job)
        try:
            async for token in job.inbox.tokens():
                yield token
        finally:
            if timer is not None:
                timer.cancel()
            self._leave(job, "cancelled")
            record_stages(job, here)

    async def close(self) -> None:
        with self._work:
            self._closing = True
            self._work.notify()
        await asyncio.to_thread(self._thread.join)

    async def _make(self, request: TokenRequest) -> Job:
        if not request.prompt:
            raise InvalidRequest("the prompt is empty", extra={"param": "messages"})
        room = self._context - len(request.prompt)
        if room < 1:
            self._metrics.refused("too_long")
            raise too_long(request, self._context)
        grammar = None
        if request.grammar is not None:
            if self._grammars is None:
                raise InvalidRequest("this model cannot follow a grammar", code="invalid_grammar")
            try:
                grammar = await asyncio.to_thread(self._grammars.start, request.grammar)
            except InvalidRequest:
                self._metrics.refused("bad_grammar")
                raise
        return Job(request, max(1, min(request.max_tokens, room)), grammar)

    def _enter(self, job: Job) -> None:
        with self._work:
            if self._closing:
                self._metrics.refused("closing")
                raise _closing()
            if self._failures >= _BROKEN_AFTER:
                # one at a time is let in to find out whether it still is
                if self._waiting or self._running:
                    raise Unavailable("the model fails at every step", code="model_broken", retry_after_seconds=5)
            elif len(self._waiting) + len(self._running) >= self._model.slots + self._most_waiting:
                self._metrics.refused("queue_full")
                rounds = (len(self._waiting) + len(self._running)) / self._model.slots
                raise RateLimited(
                    "too many requests wait for this model",
                    code="overloaded",
                    retry_after_seconds=max(1.0, rounds * self._seconds_a_request),
                )
            self._metrics.queued()
            self._waiting.append(job)
            self._work.notify()

    def _expire(self, job: Job) -> None:
        job.inbox.hear(
            None,
            UpstreamTimeout(f"no whole answer within {job.request.deadline_seconds:g} s", code="deadline_exceeded"),
        )
        self._leave(job, "deadline")

    def _leave(self, job: Job, outcome: Outcome) -> None:
        """Nobody reads this answer any more."""
        with self._work:
            if job.given_up is None:
                job.given_up = outcome
            if job in self._waiting:
                self._waiting.remove(job)
                self._metrics.left_queue(job.given_up)

    # all that follows runs in the worker's thread

    def _run(self) -> None:
        while self._await_work():
            try:
                self._start()
                self._step()
            except Exception:
                # a model that breaks takes the answers in the making with it, and not the service
                _LOG.exception("a step of the model failed")
                self._failures += 1
                self._slots.forget()
                _tell([self._end(job, "failed", _failed()) for job in list(self._running)])
            else:
                self._failures = 0
        self._model.close()
        self._metrics.unloaded()

    def _await_work(self) -> bool:
        """Let in those who wait, as slots are free. False when closing and nothing runs any more."""
        with self._work:
            while not (self._running or self._waiting or self._closing):
                self._work.wait()
            refused: list[_News] = []
            if self._closing:
                refused = [(job, None, _closing()) for job in self._waiting]
                for _ in refused:
                    self._metrics.left_queue("failed")
                self._waiting.clear()
            while self._waiting and len(self._running) < self._model.slots:
                self._running.append(self._waiting.popleft())
        _tell(refused)
        return bool(self._running) or not self._closing

    def _start(self) -> None:
        for job in self._running:
            if job.slot >= 0:
                continue
            job.slot, source, job.reused = self._slots.take(job.request.prompt)
            job.computed = job.reused
            job.admitted_at = time.monotonic()
            self._metrics.admitted(job.admitted_at - job.queued_at, job.reused)
            if source != job.slot:
                self._model.copy(source, job.slot, job.reused)

    def _step(self) -> None:
        _tell([self._end(job, job.given_up, True) for job in list(self._running) if job.given_up is not None])
        work, news = self._rows()
        if work:
            began = time.monotonic()
            tokens = self._model.step([row for _, row in work])
            self._count(work, tokens, time.monotonic() - began)
            for (job, row), token in zip(work, tokens, strict=True):
                job.computed += len(row.tokens)
                self._slots.fill(job.slot, row.tokens)
                if token is not None:
                    news.append(self._took(job, token))
                elif row.choice is not None:
                    news.append(self._end(job, "failed", _failed()))
        self._metrics.slots(len(self._running), self._model.slots)
        _tell(news)

    def _rows(self) -> tuple[list[tuple[Job, Row]], list[_News]]:
        """A row for each answer in the making, and pieces of prompts while the bound leaves room."""
        work: list[tuple[Job, Row]] = []
        news: list[_News] = []
        for job, most in self._shares():
            try:
                work.append((job, job.row(most)))
            except UsherError as error:
                news.append(self._end(job, "failed", error))
        return work, news

    def _shares(self) -> list[tuple[Job, int]]:
        """How many tokens each may have computed in the next step."""
        shares = [(job, 1) for job in self._running if not job.is_reading]
        # everyone reads on, and the short prompts first: what they leave over is for the long ones
        reading = sorted((job for job in self._running if job.is_reading), key=lambda job: job.unread)
        budget = self._prefill_tokens
        for left, job in zip(range(len(reading), 0, -1), reading, strict=True):
            share = max(1, min(budget // left, job.unread))
            shares.append((job, share))
            budget -= share
        return shares

    def _took(self, job: Job, token: Token) -> _News:
        now = time.monotonic()
        if job.answer:
            self._metrics.between_tokens(now - job.token_at)
        else:
            job.first_token_at = now
            self._metrics.first_token(now - job.queued_at)
        job.token_at = now
        given = job.take(token)
        if job.outcome is not None:
            self._end(job, job.outcome, True)
            return job, given, True
        return job, given, False

    def _end(self, job: Job, outcome: Outcome, end: Exception | bool) -> _News:
        self._running.remove(job)
        if job.slot < 0:
            self._metrics.left_queue(outcome)
        else:
            self._slots.free(job.slot)
            self._metrics.finished(outcome)
            took = time.monotonic() - job.admitted_at
            self._seconds_a_request += 0.1 * (took - self._seconds_a_request)
        return job, None, end

    def _count(self, work: Sequence[tuple[Job, Row]], tokens: Sequence[Token | None], seconds: float) -> None:
        self._metrics.stepped(
            len(work),
            seconds,
            prefill_tokens=sum(len(row.tokens) for job, row in work if not job.answer),
            decode_tokens=sum(token is not None for token in tokens),
        )


def _closing() -> Unavailable:
    return Unavailable("this model is being put out of service", retry_after_seconds=1)


def _failed() -> UpstreamFailed:
    return UpstreamFailed("the model failed to answer", code="model_failed")


def _tell(news: Sequence[_News]) -> None:
    """One call into each reader's event loop, however many there are."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_News]] = {}
    for each in news:
        by_loop.setdefault(each[0].inbox.loop, []).append(each)
    for loop, theirs in by_loop.items():
        with suppress(RuntimeError):  # its readers have gone, and their loop with them
            loop.call_soon_threadsafe(_hear, theirs)


def _hear(news: Sequence[_News]) -> None:
    for job, token, end in news:
        job.inbox.hear(token, end)
