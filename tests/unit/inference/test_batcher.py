"""The batcher: what its readers get, whatever comes and goes; and what it does when the model, or a reader, fails."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager

import pytest

from usher_inference.generation.model import Sampling, Token, TokenRequest
from usher_inference.generation.ports import Row
from usher_inference.generation.service import Batcher
from usher_inference.metrics import Metrics
from usher_shared.errors import InvalidRequest, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout

STOP = 0
WIDTH = 1000


class Arithmetic:
    """A BatchModel whose next token is the sum of all tokens before it, modulo WIDTH: it errs if a cache is wrong.

    A step waits while `gate` is closed. `breaks` makes the next steps fail.
    """

    def __init__(self, slots: int = 4, context_tokens: int = 128) -> None:
        self.slots, self.context_tokens, self.vocabulary = slots, context_tokens, WIDTH
        self.caches: list[list[int]] = [[] for _ in range(slots)]
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)
        self.steps: list[list[Row]] = []
        self.copies: list[tuple[int, int, int]] = []
        self.breaks = 0
        self.closed = False

    def step(self, rows: Sequence[Row]) -> Sequence[Token | None]:
        self.begun.release()
        assert self.gate.wait(10)
        if self.breaks:
            self.breaks -= 1
            self.caches = [[] for _ in self.caches]
            raise RuntimeError("out of memory")
        assert len({row.slot for row in rows}) == len(rows)
        self.steps.append(list(rows))
        found: list[Token | None] = []
        for row in rows:
            assert row.start <= len(self.caches[row.slot])
            self.caches[row.slot][row.start :] = row.tokens
            found.append(None if row.choice is None else Token(sum(self.caches[row.slot]) % WIDTH))
        return found

    def copy(self, source: int, target: int, length: int) -> None:
        assert length <= len(self.caches[source])
        self.copies.append((source, target, length))
        self.caches[target] = self.caches[source][:length]

    def close(self) -> None:
        self.closed = True


def expected(prompt: Sequence[int], count: int) -> list[int]:
    line = list(prompt)
    while len(line) < len(prompt) + count and (len(line) == len(prompt) or line[-1] != STOP):
        line.append(sum(line) % WIDTH)
    return line[len(prompt) :]


def ask(prompt: Sequence[int], count: int = 10, *, deadline: float | None = None) -> TokenRequest:
    return TokenRequest(prompt, count, frozenset([STOP]), deadline_seconds=deadline)


async def answer(batcher: Batcher, request: TokenRequest) -> list[int]:
    return [token.id async for token in batcher.decode(request)]


@asynccontextmanager
async def batching(model: Arithmetic, *, most_waiting: int = 64, prefill_tokens: int = 32) -> AsyncIterator[Batcher]:
    batcher = Batcher(model, Metrics().engine("m", "1"), most_waiting=most_waiting, prefill_tokens=prefill_tokens)
    try:
        yield batcher
    finally:
        model.gate.set()
        await batcher.close()
    assert model.closed


async def step_begun(model: Arithmetic) -> None:
    assert await asyncio.to_thread(model.begun.acquire, True, 10)


PROMPTS = [[seed * 7 + at for at in range(1, 2 + seed * 5 % 90)] for seed in range(40)]


async def test_answers_do_not_depend_on_who_else_is_there() -> None:
    model = Arithmetic()
    async with batching(model) as batcher:
        found = await asyncio.gather(*(answer(batcher, ask(prompt)) for prompt in PROMPTS))
    assert found == [expected(prompt, 10) for prompt in PROMPTS]
    assert max(map(len, model.steps)) == model.slots


async def test_requests_join_and_leave_between_steps() -> None:
    model = Arithmetic()
    async with batching(model) as batcher:
        model.gate.clear()
        first = asyncio.create_task(answer(batcher, ask([3, 4], 30)))
        await step_begun(model)
        second = asyncio.create_task(answer(batcher, ask([5], 2)))
        await asyncio.sleep(0)
        model.gate.set()
        assert await second == expected([5], 2)
        assert await first == expected([3, 4], 30)
    widths = list(map(len, model.steps))
    assert widths[0] == 1
    assert max(widths) == 2
    assert widths[-1] == 1


async def test_a_stop_token_ends_the_answer_and_is_part_of_it() -> None:
    async with batching(Arithmetic()) as batcher:
        assert await answer(batcher, ask([999, 1, 500], 10)) == [500, STOP]


async def test_an_answer_ends_where_the_context_does() -> None:
    async with batching(Arithmetic(context_tokens=16)) as batcher:
        assert len(await answer(batcher, ask(range(1, 13), 100))) == 4
        with pytest.raises(InvalidRequest, match="16 tokens") as refused:
            await answer(batcher, ask(range(1, 17), 100))
        assert refused.value.code == "context_length_exceeded"


async def test_a_long_prompt_is_read_in_pieces_beside_the_others() -> None:
    model = Arithmetic(context_tokens=400)
    async with batching(model, prefill_tokens=32) as batcher:
        found = await asyncio.gather(*(answer(batcher, ask(p, 12)) for p in (range(1, 300), [1, 2])))
    assert found == [expected(range(1, 300), 12), expected([1, 2], 12)]
    assert all(sum(len(row.tokens) for row in rows if len(row.tokens) > 1) <= 32 for rows in model.steps)
    # the short one was answered while the long one was being read
    assert sum({len(row.tokens) for row in rows} == {1, 32} for rows in model.steps) > 5


async def test_a_conversation_that_goes_on_is_not_read_again() -> None:
    model = Arithmetic()
    async with batching(model) as batcher:
        prompt = list(range(1, 41))
        said = await answer(batcher, ask(prompt, 5))
        model.steps.clear()
        tokens = [token async for token in batcher.decode(ask([*prompt, *said, 9], 5))]
        assert [token.id for token in tokens] == expected([*prompt, *said, 9], 5)
        # the last token of an answer is not computed, and the last of a prompt is needed for what follows
        assert [token.cached for token in tokens] == [44, 0, 0, 0, 0]
        assert len(model.steps[0][0].tokens) == 2
    assert model.copies == []


async def test_a_common_beginning_is_copied_also_from_one_who_still_runs() -> None:
    model = Arithmetic()
    beginning = list(range(1, 41))
    async with batching(model, prefill_tokens=64) as batcher:
        async with aclosing(batcher.decode(ask([*beginning, 50], 60))) as running:
            await anext(running)
            assert await answer(batcher, ask([*beginning, 60, 61], 5)) == expected([*beginning, 60, 61], 5)
        assert model.copies == [(0, 1, 40)]


async def test_a_closed_reader_frees_its_place() -> None:
    model = Arithmetic(slots=1)
    async with batching(model) as batcher:
        model.gate.clear()
        running = batcher.decode(ask([1, 2], 100))
        first = asyncio.create_task(anext(running))
        await step_begun(model)
        waiting = asyncio.create_task(answer(batcher, ask([5], 3)))
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        model.gate.set()
        assert await waiting == expected([5], 3)
    # the step that ran when it left, and those of the other
    assert len(model.steps) == 4


async def test_one_who_left_the_queue_is_never_computed() -> None:
    model = Arithmetic(slots=1)
    async with batching(model) as batcher:
        model.gate.clear()
        running = asyncio.create_task(answer(batcher, ask([1, 2], 3)))
        await step_begun(model)
        waiting = asyncio.create_task(answer(batcher, ask([777], 3)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        model.gate.set()
        await running
        assert await answer(batcher, ask([5], 3)) == expected([5], 3)
    assert all(row.tokens[0] != 777 for rows in model.steps for row in rows)


async def test_a_full_queue_refuses_and_says_when_to_come_back() -> None:
    model = Arithmetic(slots=1)
    async with batching(model, most_waiting=2) as batcher:
        model.gate.clear()
        running = asyncio.create_task(answer(batcher, ask([1], 3)))
        await step_begun(model)
        waiting = [asyncio.create_task(answer(batcher, ask([each], 3))) for each in (2, 3)]
        await asyncio.sleep(0)
        with pytest.raises(RateLimited) as refused:
            await answer(batcher, ask([4], 3))
        assert refused.value.retry_after_seconds is not None
        assert refused.value.retry_after_seconds >= 1
        model.gate.set()
        assert await asyncio.gather(running, *waiting) == [expected([each], 3) for each in (1, 2, 3)]


async def test_free_slots_are_no_queue() -> None:
    model = Arithmetic(slots=4)
    async with batching(model, most_waiting=0) as batcher:
        model.gate.clear()
        # all at once, before the worker could let any of them in
        tasks = [asyncio.create_task(answer(batcher, ask([each], 3))) for each in (1, 2, 3, 4, 5)]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert [isinstance(task.exception(), RateLimited) for task in tasks if task.done()] == [True]
        model.gate.set()
        assert await asyncio.gather(*tasks[:4]) == [expected([each], 3) for each in (1, 2, 3, 4)]


@pytest.mark.parametrize("seed", [-1, 0, -(2**63), 2**63 - 1])
async def test_any_seed_is_a_seed(seed: int) -> None:
    async with batching(Arithmetic()) as batcher:
        request = TokenRequest([5], 3, frozenset([STOP]), sampling=Sampling(temperature=1.0, seed=seed))
        assert await answer(batcher, request) == expected([5], 3)


async def test_a_deadline_ends_an_answer_that_runs_and_one_that_waits() -> None:
    model = Arithmetic(slots=1)
    async with batching(model) as batcher:
        model.gate.clear()
        running = asyncio.create_task(answer(batcher, ask([1], 3, deadline=0.05)))
        await step_begun(model)
        waiting = asyncio.create_task(answer(batcher, ask([2], 3, deadline=0.05)))
        for task in (running, waiting):
            with pytest.raises(UpstreamTimeout) as late:
                await task
            assert late.value.code == "deadline_exceeded"
        model.gate.set()
        assert await answer(batcher, ask([5], 3)) == expected([5], 3)


async def test_a_step_that_fails_takes_its_answers_and_nothing_else() -> None:
    model = Arithmetic(slots=2)
    async with batching(model) as batcher:
        assert await answer(batcher, ask(range(1, 30), 3)) == expected(range(1, 30), 3)
        model.breaks = 1
        with pytest.raises(UpstreamFailed):
            await answer(batcher, ask(range(1, 40), 3))
        # nothing of what the caches held before is believed
        assert await answer(batcher, ask(range(1, 50), 3)) == expected(range(1, 50), 3)


async def test_a_model_that_always_fails_is_tried_by_one_at_a_time() -> None:
    model = Arithmetic(slots=2)
    async with batching(model) as batcher:
        model.breaks = 4
        for _ in range(3):
            with pytest.raises(UpstreamFailed):
                await answer(batcher, ask([1], 3))
        model.gate.clear()
        trial = asyncio.create_task(answer(batcher, ask([1], 3)))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable) as refused:
            await answer(batcher, ask([2], 3))
        assert refused.value.code == "model_broken"
        model.gate.set()
        with pytest.raises(UpstreamFailed):
            await trial
        assert await answer(batcher, ask([2], 3)) == expected([2], 3)


async def test_closing_finishes_what_runs_and_refuses_the_rest() -> None:
    model = Arithmetic(slots=1)
    batcher = Batcher(model, Metrics().engine("m", "1"))
    model.gate.clear()
    running = asyncio.create_task(answer(batcher, ask([1, 2], 20)))
    await step_begun(model)
    waiting = asyncio.create_task(answer(batcher, ask([5], 3)))
    await asyncio.sleep(0)
    closing = asyncio.create_task(batcher.close())
    await asyncio.sleep(0)
    model.gate.set()
    assert await running == expected([1, 2], 20)
    with pytest.raises(Unavailable):
        await waiting
    await closing
    assert model.closed
    with pytest.raises(Unavailable):
        await answer(batcher, ask([5], 3))


async def test_penalties_count_what_was_said_before_each_token() -> None:
    told: list[tuple[dict[int, int], list[int]]] = []

    class Listening(Arithmetic):
        def step(self, rows: Sequence[Row]) -> Sequence[Token | None]:
            choices = [row.choice for row in rows if row.choice is not None]
            told.extend((dict(choice.penalised or {}), list(choice.repeated)) for choice in choices)
            return super().step(rows)

    prompt = [999, 500, 3]
    sampling = Sampling(frequency_penalty=0.5, repetition_penalty=1.1)
    async with batching(Listening()) as batcher:
        said = await answer(batcher, TokenRequest(prompt, 6, frozenset([STOP]), sampling=sampling))
    assert said == expected(prompt, 6)
    before = [said[:count] for count in range(6)]
    assert told == [(dict(Counter(each)), [*prompt, *each]) for each in before]


async def test_draws_follow_the_seed_and_nothing_else() -> None:
    model = Arithmetic()
    seeded = TokenRequest([1, 2], 8, frozenset([STOP]), sampling=Sampling(temperature=1.0, seed=5))

    def draws() -> list[float]:
        rows = [row for rows in model.steps for row in rows if row.choice is not None and row.choice.sampling.seed == 5]
        return [row.choice.draw for row in rows if row.choice is not None]

    async with batching(model) as batcher:
        await answer(batcher, seeded)
        alone = draws()
        model.steps.clear()
        await asyncio.gather(answer(batcher, seeded), *(answer(batcher, ask([each], 9)) for each in (3, 4)))
        assert draws() == alone
    assert len(set(alone)) == len(alone) == 8
    assert all(0 <= draw < 1 for draw in alone)


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_comes_and_goes_an_answer_that_comes_is_right(seed: int) -> None:
    chance = random.Random(seed)
    beginnings = [[chance.randrange(1, WIDTH) for _ in range(chance.randint(1, 60))] for _ in range(3)]
    model = Arithmetic(slots=chance.randint(1, 5))
    endings: Counter[str] = Counter()

    async def customer(batcher: Batcher) -> None:
        for _ in range(chance.randint(1, 6)):
            prompt = chance.choice(beginnings)[: chance.randint(1, 60)]
            prompt = [*prompt, *(chance.randrange(1, WIDTH) for _ in range(chance.randint(0, 9)))]
            wanted = expected(prompt, 12)
            patience = chance.choice([99, 99, chance.randint(0, 11)])
            heard: list[int] = []
            try:
                async with aclosing(batcher.decode(ask(prompt, 12))) as tokens:
                    async for token in tokens:
                        heard.append(token.id)
                        if len(heard) > patience:
                            break
                        if chance.random() < 0.1:
                            await asyncio.sleep(0)
            except UpstreamFailed:
                endings["failed"] += 1
                assert heard == wanted[: len(heard)]
                continue
            assert heard == wanted[: len(heard)]
            assert len(heard) == len(wanted) or len(heard) == patience + 1
            endings["left" if len(heard) < len(wanted) else "whole"] += 1
            if chance.random() < 0.05:
                model.breaks = 1

    async with batching(model, prefill_tokens=chance.choice([1, 7, 64])) as batcher:
        await asyncio.gather(*(customer(batcher) for _ in range(12)))
    assert endings["whole"] > 5


async def test_everything_is_counted() -> None:
    metrics, model = Metrics(), Arithmetic()
    batcher = Batcher(model, metrics.engine("m", "1"), prefill_tokens=32)
    await answer(batcher, ask(range(1, 41), 5))
    await answer(batcher, ask(range(1, 41), 5))
    model.gate.clear()
    with pytest.raises(UpstreamTimeout):
        await answer(batcher, ask([1, 2], 50, deadline=0.01))
    model.gate.set()
    await batcher.close()
    counted = metrics.exposition().decode()
    assert 'usher_inference_answers_total{model="m",outcome="length",version="1"} 2.0' in counted
    assert 'usher_inference_answers_total{model="m",outcome="deadline",version="1"} 1.0' in counted
    assert 'usher_inference_tokens_total{kind="prefill",model="m",version="1"}' in counted
    assert 'usher_inference_tokens_total{kind="reused",model="m",version="1"} 39.0' in counted
