"""Choosing the next token from logits, in numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from usher_inference.generation.model import Token
from usher_inference.generation.ports import Choice, Row

Logits = npt.NDArray[np.floating]


def choose(logits: Logits, choices: Sequence[Choice]) -> list[Token | None]:
    """One token a row of `logits` (rows x vocabulary).

    None for a row whose likeliest token is not finite: its model broke, or its mask allows nothing.
    """
    if all(map(_is_plain, choices)):
        best = logits.argmax(axis=1)
        good = np.isfinite(logits[np.arange(len(choices)), best])
        return [Token(id) if fine else None for id, fine in zip(best.tolist(), good.tolist(), strict=True)]
    return [_choose_one(row, choice) for row, choice in zip(logits, choices, strict=True)]


def choose_for_rows(rows: Sequence[Row], logits: Sequence[npt.NDArray[np.floating] | None]) -> list[Token | None]:
    """The answer to a step: a token for each row that wants one, from the logits (vocabulary) after its last token."""
    answers: list[Token | None] = [None] * len(rows)
    wanted = [
        (at, row.choice, found)
        for at, (row, found) in enumerate(zip(rows, logits, strict=True))
        if row.choice is not None and found is not None
    ]
    if wanted:
        tokens = choose(np.stack([found for _, _, found in wanted]), [choice for _, choice, _ in wanted])
        for (at, _, _), token in zip(wanted, tokens, strict=True):
            answers[at] = token
    return answers


def _is_plain(choice: Choice) -> bool:
    """Greedy, with nothing else to look at."""
    return (
        choice.sampling.temperature == 0
        and choice.allowed is None
        and choice.top_logprobs is None
        and not choice.penalised
        and not choice.repeated
    )


def _choose_one(row: Logits, choice: Choice) -> Token | None:
    scores = _penalise(row.astype(np.float32), choice)  # a copy
    if choice.allowed is not None:
        forbidden = np.unpackbits(choice.allowed.view(np.uint8), bitorder="little")[: len(scores)] == 0
        scores[forbidden] = -np.inf
    best = int(scores.argmax())
    if not np.isfinite(scores[best]):
        return None
    id = best if choice.sampling.temperature == 0 else _draw(scores, choice)
    if choice.top_logprobs is None:
        return Token(id)
    chances = scores - scores[best]
    chances -= np.log(np.exp(chances).sum())
    top = _likeliest(chances, choice.top_logprobs)
    return Token(id, float(chances[id]), tuple((int(each), float(chances[each])) for each in top))


def _penalise(scores: npt.NDArray[np.float32], choice: Choice) -> npt.NDArray[np.float32]:
    sampling = choice.sampling
    if choice.repeated and sampling.repetition_penalty != 1:
        ids = np.unique(np.asarray(choice.repeated))
        found = scores[ids]
        scores[ids] = np.where(found > 0, found / sampling.repetition_penalty, found * sampling.repetition_penalty)
    if choice.penalised:
        ids = np.fromiter(choice.penalised.keys(), np.int64)
        counts = np.fromiter(choice.penalised.values(), np.float32)
        scores[ids] -= sampling.presence_penalty + sampling.frequency_penalty * counts
    return scores


def _draw(scores: npt.NDArray[np.float32], choice: Choice) -> int:
    """A token drawn by temperature among those that top_k, min_p and top_p leave, in this order."""
    sampling = choice.sampling
    ids = _likeliest(scores, sampling.top_k or len(scores))
    chances = np.exp((scores[ids].astype(np.float64) - scores[ids[0]]) / sampling.temperature)
    chances /= chances.sum()
    keep = chances > 0
    if sampling.min_p > 0:
        keep &= chances >= sampling.min_p * chances[0]
    if sampling.top_p < 1:
        keep &= np.cumsum(chances) - chances < sampling.top_p  # what stands before it is not enough yet
    keep[0] = True
    left = np.cumsum(chances[keep])
    return int(ids[keep][np.searchsorted(left, choice.draw * left[-1], side="right").clip(max=len(left) - 1)])


def _likeliest(scores: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.intp]:
    """Ids of the `count` highest scores, the highest first; equals by id."""
    if count <= 0:
        return np.empty(0, np.intp)
    if count < len(scores):
        part = np.argpartition(-scores, count - 1)[:count]
        part.sort()
    else:
        part = np.arange(len(scores))
    order: npt.NDArray[np.intp] = part[np.argsort(-scores[part], kind="stable")]
    return order
