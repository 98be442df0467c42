"""Running a BatchModel as a batcher would, and transformers' `generate` beside it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import torch

from usher_inference.generation.model import Sampling
from usher_inference.generation.ports import BatchModel, Choice, Row

GREEDY = Choice(Sampling())


def prompts(count: int, lengths: tuple[int, int], seed: int, vocabulary: int = 600) -> list[list[int]]:
    """Random token ids; lengths from, to."""
    chance = random.Random(seed)
    return [[chance.randrange(vocabulary) for _ in range(chance.randint(*lengths))] for _ in range(count)]


def generate(model: Any, prompt: Sequence[int], count: int) -> list[int]:
    """What transformers says, the end of a turn passed over."""
    model.generation_config.eos_token_id = None
    found = model.generate(
        torch.tensor([list(prompt)]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.int64),
        max_new_tokens=count,
        do_sample=False,
        pad_token_id=0,
    )
    return found[0, len(prompt) :].tolist()  # type: ignore[no-any-return]


def run(model: BatchModel, jobs: Sequence[Sequence[int]], count: int, seed: int = 0, piece: int = 40) -> list[list[int]]:
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
        chosen = [job for job in slot_of if chance.random() < 0.7] or list(slot_of)[:1]
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
