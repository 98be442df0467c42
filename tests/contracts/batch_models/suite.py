"""What every BatchModel does, held against transformers' `generate`. An adapter's test subclasses with `model`."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM

import tiny_qwen
from usher_inference.generation.model import Sampling, Token
from usher_inference.generation.ports import BatchModel, Choice, Row

GREEDY = Choice(Sampling())
SLOTS, CONTEXT = 6, 300


def prompts(count: int, lengths: tuple[int, int], seed: int, vocabulary: int = 600) -> list[list[int]]:
    chance = random.Random(seed)
    return [[chance.randrange(vocabulary) for _ in range(chance.randint(*lengths))] for _ in range(count)]


def generate(model: Any, prompt: Sequence[int], count: int) -> list[int]:
    """What transformers says, the end of a turn passed over."""
    found = model.generate(
        torch.tensor([list(prompt)]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
        max_new_tokens=count,
        do_sample=False,
        eos_token_id=-1,
        pad_token_id=0,
    )
    return found[0, len(prompt) :].tolist()  # type: ignore[no-any-return]


def run(
    model: BatchModel, jobs: Sequence[Sequence[int]], count: int, seed: int = 0, piece: int = 40
) -> list[list[int]]:
    """All jobs, as many at once as there are slots, in pieces of random length and steps of random rows."""
    chance = random.Random(seed)
    answers: list[list[int]] = [[] for _ in jobs]
    done = [0] * len(jobs)  # positions in the cache
    slot_of: dict[int, int] = {}
    free = list(range(model.slots))
    while any(len(answer) < count for answer in answers):
        for job in range(len(jobs)):
            if job not in slot_of and free and len(answers[job]) < count:
                slot_of[job] = free.pop(chance.randrange(len(free)))
        running = [job for job in slot_of if len(answers[job]) < count]
        chosen = [job for job in running if chance.random() < 0.7] or running[:1]
        chance.shuffle(chosen)
        rows = []
        for job in chosen:
            line = [*jobs[job], *answers[job]]
            end = min(len(line), done[job] + chance.randint(1, piece))
            rows.append(Row(slot_of[job], done[job], line[done[job] : end], GREEDY if end == len(line) else None))
        for job, row, token in zip(chosen, rows, model.step(rows), strict=True):
            assert (token is None) == (row.choice is None)
            done[job] += len(row.tokens)
            if token is not None:
                answers[job].append(token.id)
                if len(answers[job]) == count:
                    free.append(slot_of.pop(job))
    return answers


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def reference() -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_qwen.folder())


class BatchModelSuite:
    """`model` has SLOTS slots of CONTEXT positions and the weights of `tiny_qwen.folder()`."""

    __test__ = False

    @pytest.mark.parametrize("seed", range(3))
    def test_rows_of_mixed_lengths_say_what_generate_says(self, model: BatchModel, reference: Any, seed: int) -> None:
        jobs = prompts(9, (1, 120), seed)
        assert run(model, jobs, 24, seed) == [generate(reference, job, 24) for job in jobs]

    def test_a_copied_beginning_is_as_good_as_a_computed_one(self, model: BatchModel, reference: Any) -> None:
        [beginning] = prompts(1, (50, 50), 5)
        model.step([Row(0, 0, beginning, None)])
        ends = prompts(3, (2, 9), 6)
        for slot, end in enumerate(ends, 1):
            model.copy(0, slot, 40)
            model.step([Row(slot, 40, [*beginning[40:], *end][:-1], None)])
        found: list[list[int]] = [[] for _ in ends]
        for at in range(16):
            last = [end[-1] if at == 0 else answer[-1] for end, answer in zip(ends, found, strict=True)]
            rows = [
                Row(slot, 50 + len(end) - 1 + at, [token], GREEDY)
                for slot, (end, token) in enumerate(zip(ends, last, strict=True), 1)
            ]
            for answer, token in zip(found, model.step(rows), strict=True):
                assert token is not None
                answer.append(token.id)
        assert found == [generate(reference, [*beginning, *end], 16) for end in ends]

    def test_a_slot_taken_again_holds_nothing_of_its_last_request(self, model: BatchModel, reference: Any) -> None:
        long, short = prompts(1, (150, 150), 8)[0], prompts(1, (3, 3), 9)[0]
        model.step([Row(slot, 0, long, None) for slot in range(model.slots)])
        assert run(model, [short], 12) == [generate(reference, short, 12)]

    def test_the_last_position_can_be_used(self, model: BatchModel, reference: Any) -> None:
        full, other = prompts(2, (CONTEXT, CONTEXT), 12)
        found = model.step([Row(1, 0, full, GREEDY)])[0]
        # its neighbours go on meanwhile, the idle one between them is left as it is
        model.step([Row(slot, 0, other[:20], None) for slot in (0, 2)])
        model.step([Row(slot, 20, other[20:21], None) for slot in (0, 2)])
        again = model.step([Row(1, CONTEXT - 1, full[-1:], GREEDY)])[0]
        assert found is not None
        assert again is not None
        assert [found.id] == [again.id] == generate(reference, full, 1)

    def test_log_probabilities_are_those_of_the_model(self, model: BatchModel, reference: Any) -> None:
        [prompt] = prompts(1, (30, 30), 13)
        [token] = model.step([Row(0, 0, prompt, Choice(Sampling(), top_logprobs=4))])
        with torch.inference_mode():
            wanted = reference(torch.tensor([prompt])).logits[0, -1].log_softmax(-1).topk(4)
        assert token is not None
        assert [id for id, _ in token.top] == wanted.indices.tolist()
        assert [chance for _, chance in token.top] == pytest.approx(wanted.values.tolist(), abs=1e-3)
        assert (token.id, token.logprob) == token.top[0]

    def test_a_mask_is_obeyed_beside_rows_without_one(self, model: BatchModel, reference: Any) -> None:
        free, bound = prompts(2, (20, 20), 14)
        allowed = np.zeros(model.vocabulary // 32 + 1, np.uint32)
        allowed[7] = 1 << 3
        rows = [Row(0, 0, free, GREEDY), Row(1, 0, bound, Choice(Sampling(), allowed=allowed))]
        tokens = [token.id for token in model.step(rows) if token is not None]
        assert tokens == [generate(reference, free, 1)[0], 7 * 32 + 3]

    def test_a_mask_that_allows_nothing_spares_the_neighbours(self, model: BatchModel, reference: Any) -> None:
        free, bound = prompts(2, (20, 20), 15)
        nothing = np.zeros(model.vocabulary // 32 + 1, np.uint32)
        found = model.step([Row(0, 0, bound, Choice(Sampling(), allowed=nothing)), Row(1, 0, free, GREEDY)])
        assert found[0] is None
        assert isinstance(found[1], Token)
        assert found[1].id == generate(reference, free, 1)[0]

    def test_a_draw_takes_the_token_at_its_place(self, model: BatchModel, reference: Any) -> None:
        [prompt] = prompts(1, (25, 25), 16)
        with torch.inference_mode():
            chances = (reference(torch.tensor([prompt])).logits[0, -1].double() / 1.5).softmax(-1)
        likeliest = chances.argsort(descending=True)
        ends = chances[likeliest].cumsum(0)
        model.step([Row(0, 0, prompt[:-1], None)])
        for draw in (0.01, 0.35, 0.6, 0.85, 0.97):
            [token] = model.step([Row(0, 24, prompt[-1:], Choice(Sampling(temperature=1.5), draw=draw))])
            assert token is not None
            assert token.id == likeliest[int((ends <= draw).sum())]
