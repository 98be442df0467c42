"""The torch model over slots against transformers' own `generate`, token for token."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import tiny_qwen
import torch
from transformers import AutoModelForCausalLM

from usher_inference.adapters.torch_batch_model import TorchBatchModel
from usher_inference.generation.model import Sampling
from usher_inference.generation.ports import Choice, Row

GREEDY = Choice(Sampling())


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def reference() -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_qwen.folder())


@pytest.fixture(scope="module")
def model() -> TorchBatchModel:
    return TorchBatchModel(AutoModelForCausalLM.from_pretrained(tiny_qwen.folder()), slots=6, context_tokens=300)


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
    model: TorchBatchModel, jobs: Sequence[Sequence[int]], count: int, seed: int = 0, piece: int = 40
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


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_mixed_lengths_say_what_generate_says(model: TorchBatchModel, reference: Any, seed: int) -> None:
    jobs = prompts(9, (1, 120), seed)
    assert run(model, jobs, 24, seed) == [generate(reference, job, 24) for job in jobs]


def test_a_copied_beginning_is_as_good_as_a_computed_one(model: TorchBatchModel, reference: Any) -> None:
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


def test_a_slot_taken_again_holds_nothing_of_its_last_request(model: TorchBatchModel, reference: Any) -> None:
    long, short = prompts(1, (150, 150), 8)[0], prompts(1, (3, 3), 9)[0]
    model.step([Row(slot, 0, long, None) for slot in range(model.slots)])
    assert run(model, [short], 12) == [generate(reference, short, 12)]
