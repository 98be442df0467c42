"""Choosing the next tokens where the logits are: what `generation.sampling` does in numpy, for many rows on a GPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from usher_inference.generation.model import Token
from usher_inference.generation.ports import Choice


def choose(logits: Tensor, choices: Sequence[Choice]) -> list[Token | None]:
    """One token a row of `logits` (rows x vocabulary), None where no token is possible; reads the GPU twice at most."""
    scores = logits
    if any(_changes(choice) for choice in choices):
        scores = _changed(logits.float(), choices)
    best = scores.max(dim=-1)
    ids = best.indices
    drawn = [at for at, choice in enumerate(choices) if choice.sampling.temperature > 0]
    if drawn:
        ids = ids.index_put((_numbers(drawn, scores),), _drawn(scores[drawn].float(), [choices[at] for at in drawn]))
    found = torch.stack([ids, torch.isfinite(best.values).long()]).tolist()
    tokens = [Token(id) if finite else None for id, finite in zip(*found, strict=True)]
    asked = [at for at, choice in enumerate(choices) if choice.top_logprobs is not None and tokens[at]]
    if asked:
        _add_chances(tokens, scores[asked].float(), ids[asked], asked, [choices[at].top_logprobs or 0 for at in asked])
    return tokens


def _changes(choice: Choice) -> bool:
    return choice.allowed is not None or bool(choice.penalised) or bool(choice.repeated)


def _changed(scores: Tensor, choices: Sequence[Choice]) -> Tensor:
    """Scores with penalties and masks; may be the same memory."""
    scores = scores.clone()
    for at, choice in enumerate(choices):
        sampling = choice.sampling
        if choice.repeated and sampling.repetition_penalty != 1:
            ids = _numbers(sorted(set(choice.repeated)), scores)
            found = scores[at, ids]
            divided, grown = found / sampling.repetition_penalty, found * sampling.repetition_penalty
            scores[at, ids] = torch.where(found > 0, divided, grown)
        if choice.penalised:
            ids = _numbers(list(choice.penalised), scores)
            counts = torch.tensor(list(choice.penalised.values()), dtype=scores.dtype, device=scores.device)
            scores[at, ids] -= sampling.presence_penalty + sampling.frequency_penalty * counts
    masked = [(at, choice.allowed) for at, choice in enumerate(choices) if choice.allowed is not None]
    if masked:
        width = scores.shape[-1]
        words = np.stack([_fitting(allowed, -(-width // 32)) for _, allowed in masked])
        packed = torch.from_numpy(words.view(np.int32)).to(scores.device)
        bits = (packed[:, :, None] >> torch.arange(32, device=scores.device, dtype=torch.int32)) & 1
        rows = _numbers([at for at, _ in masked], scores)
        scores[rows] = scores[rows].masked_fill(bits.flatten(1)[:, :width] == 0, -torch.inf)
    return scores


def _fitting(allowed: npt.NDArray[np.uint32], words: int) -> npt.NDArray[np.uint32]:
    """A mask of so many words; what a shorter one does not name is forbidden."""
    return np.pad(allowed[:words], (0, max(0, words - len(allowed))))


def _drawn(scores: Tensor, choices: Sequence[Choice]) -> Tensor:
    """A token a row, drawn by temperature among those that top_k, min_p and top_p leave, in this order."""
    samplings = [choice.sampling for choice in choices]
    width = scores.shape[-1]
    kept = [min(sampling.top_k or width, width) for sampling in samplings]
    whole = max(kept) == width
    values, places = (
        torch.sort(scores, dim=-1, descending=True, stable=True) if whole else scores.topk(max(kept), dim=-1)
    )
    values = values.double()
    hidden = torch.arange(values.shape[-1], device=scores.device) >= _numbers(kept, scores)[:, None]

    def column(numbers: list[float]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float64, device=scores.device)[:, None]

    bent = (values - values[:, :1]) / column([sampling.temperature for sampling in samplings])
    chances = torch.softmax(bent.masked_fill(hidden, -torch.inf), dim=-1)
    keep = chances > 0
    keep &= chances >= column([sampling.min_p for sampling in samplings]) * chances[:, :1]
    before = chances.cumsum(-1) - chances
    top_p = column([sampling.top_p if sampling.top_p < 1 else 2.0 for sampling in samplings])
    keep &= before < top_p
    keep[:, 0] = True
    left = torch.where(keep, chances, 0.0).cumsum(-1)
    target = column([choice.draw for choice in choices]) * left[:, -1:]
    # the first whose sum is beyond the target; where rounding leaves none, the last that is kept
    place = torch.minimum((left <= target).sum(-1, keepdim=True), _last(keep))
    return places.gather(-1, place).squeeze(-1)


def _last(keep: Tensor) -> Tensor:
    at = torch.arange(keep.shape[-1], device=keep.device)
    return torch.where(keep, at, 0).amax(-1, keepdim=True)


def _add_chances(
    tokens: list[Token | None], scores: Tensor, ids: Tensor, rows: Sequence[int], wanted: Sequence[int]
) -> None:
    chances = scores.log_softmax(-1)
    own = chances.gather(-1, ids[:, None]).double()
    top = chances.topk(max(1, *wanted), dim=-1)
    found = torch.cat([ids[:, None].double(), top.values.double(), top.indices.double(), own], dim=-1).tolist()
    width = top.values.shape[-1]
    for row, count, line in zip(rows, wanted, found, strict=True):
        likeliest = zip(line[1 : 1 + count], line[1 + width : 1 + width + count], strict=True)
        top_tokens = tuple((int(id), chance) for chance, id in likeliest)
        tokens[row] = Token(int(line[0]), line[-1], top_tokens)


def _numbers(values: Sequence[int], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=torch.int64, device=like.device)
