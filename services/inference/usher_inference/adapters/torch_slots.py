"""Caches of keys and values by slot, and attention over them, for any of transformers' models that takes an attention
function (`_supports_attention_backend`).

A pass through the model is one packed line of tokens: rows of different requests stand one behind another without
padding, each token with its own position. The projections do not notice; attention is where rows part. The function
registered here takes the place of the model's own: it writes the new keys and values into their slots and lets every
row look at its own slot alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # the name that torch's own documentation uses
from transformers import AttentionInterface

IMPLEMENTATION = "usher_slots"
_WASTE = 4  # rows of very different lengths are attended to singly when together they would cost so many times more


class UnservableModel(ValueError):
    """The model's attention does something that slots cannot do; the message says what."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a layer looks back: the factor on scores, the window in tokens (None: everything), the bend of scores."""

    scale: float
    window: int | None
    softcap: float | None


class Pass(Protocol):
    """One run of the model over rows."""

    def attend(self, layer: nn.Module, query: Tensor, key: Tensor, value: Tensor, look: Look) -> Tensor:
        """(tokens, heads, size) for queries (tokens, heads, size) and new keys and values (tokens, kv heads, size)."""
        ...


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    slots: Pass | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Transformers' attention function: (1, heads, tokens, size) each, and back (1, tokens, heads, size)."""
    if slots is None:
        raise UnservableModel("its layers do not hand on what the model is given")
    if s_aux is not None:
        raise UnservableModel("attention sinks are not served")
    look = Look(scaling if scaling is not None else query.shape[-1] ** -0.5, sliding_window, softcap)
    line = (query[0].transpose(0, 1), key[0].transpose(0, 1), value[0].transpose(0, 1))
    return slots.attend(module, *line, look).unsqueeze(0), None


AttentionInterface.register(IMPLEMENTATION, _attention)


class Probe:
    """A pass that only learns which layers attend, and in what shapes."""

    def __init__(self) -> None:
        self.layers: list[tuple[nn.Module, tuple[int, int], tuple[int, int], torch.dtype, torch.device]] = []
        self.softcap = False

    def attend(self, layer: nn.Module, query: Tensor, key: Tensor, value: Tensor, look: Look) -> Tensor:
        keys, values = (key.shape[1], key.shape[2]), (value.shape[1], value.shape[2])
        self.layers.append((layer, keys, values, key.dtype, key.device))
        self.softcap |= look.softcap is not None
        return value.repeat_interleave(query.shape[1] // value.shape[1], dim=1)


def give_caches(probe: Probe, slots: int, positions: int, *, as_lines: bool) -> list[Tensor]:
    """Hangs a cache of keys and one of values on each layer; all of them, (slots, positions, kv heads, size).

    `as_lines`: in memory a position's heads lie together, as FlashPass wants them; else a head's positions, as matrix
    products want them. Raises OutOfMemoryError, before anything is taken, where a GPU has no room for all of them.
    """
    _check_room(probe, slots, positions)
    caches = []
    for layer, *shapes, dtype, device in probe.layers:
        for name, (heads, size) in zip(("slot_keys", "slot_values"), shapes, strict=True):
            shape = (slots, positions, heads, size) if as_lines else (slots, heads, positions, size)
            cache = torch.zeros(shape, dtype=dtype, device=device)
            if not as_lines:
                cache = cache.transpose(1, 2)
            object.__setattr__(layer, name, cache)  # no parameter and no buffer: no part of the model
            caches.append(cache)
    return caches


def _check_room(probe: Probe, slots: int, positions: int) -> None:
    [device] = {device for *_, device in probe.layers}
    if device.type != "cuda":
        return
    numbers = sum((heads * size) * dtype.itemsize for _, *both, dtype, _ in probe.layers for heads, size in both)
    needed = slots * positions * numbers
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    free = torch.cuda.mem_get_info(device)[0] + unused
    if needed > free:
        raise torch.OutOfMemoryError(
            f"the caches of {slots} slots of {positions} tokens take {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB "
            "are free: ask for fewer slots or less context"
        )


@dataclass(slots=True)
class Piece:
    """A row: the tokens `begin:end` of the line go to `slot` from position `start` on."""

    slot: int
    start: int
    begin: int
    end: int

    @property
    def length(self) -> int:
        return self.start + self.end - self.begin


@dataclass(slots=True)
class DensePass:
    """Attention by matrix products, on any device and in any type.

    Rows of a single token stand first in the line, by slot, and are attended to together when that wastes little;
    the others one by one, with torch's own attention.
    """

    to_slots: Tensor
    to_positions: Tensor
    pieces: Sequence[Piece]
    _together: int = 0
    _masks: dict[tuple[int, int | None], Tensor | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        singles = [piece for piece in self.pieces if piece.end - piece.begin == 1]
        longest = max((piece.length for piece in singles), default=0)
        if len(singles) > 1 and len(singles) * longest <= _WASTE * sum(piece.length for piece in singles):
            self._together = len(singles)

    def attend(self, layer: nn.Module, query: Tensor, key: Tensor, value: Tensor, look: Look) -> Tensor:
        keys, values = caches_of(layer)
        keys[self.to_slots, self.to_positions] = key
        values[self.to_slots, self.to_positions] = value
        found = []
        if self._together:
            found.append(self._attend_together(query[: self._together], keys, values, look))
        for piece in self.pieces[self._together :]:
            found.append(self._attend_singly(piece, query[piece.begin : piece.end], keys, values, look))
        return torch.cat(found) if len(found) > 1 else found[0]

    def _attend_together(self, query: Tensor, keys: Tensor, values: Tensor, look: Look) -> Tensor:
        rows, heads, size = query.shape
        singles = self.pieces[: self._together]
        longest = max(piece.length for piece in singles)
        first, last = singles[0].slot, singles[-1].slot
        if last - first == rows - 1:  # the sorted slots have no gap: a view
            keys, values = keys[first : last + 1, :longest], values[first : last + 1, :longest]
        else:
            keys = keys[:, :longest].index_select(0, self.to_slots[:rows])
            values = values[:, :longest].index_select(0, self.to_slots[:rows])
        keys, values = keys.transpose(1, 2), values.transpose(1, 2)
        mask = self._mask(-1, look.window, lambda: self._mask_together(longest, look.window))
        # the heads that share keys stand as queries of one head, which has no order: keys are read once for them all
        shared = query.reshape(rows, keys.shape[1], -1, size)
        if look.softcap is None:
            found = F.scaled_dot_product_attention(shared, keys, values, attn_mask=mask, scale=look.scale)
        else:
            scores = torch.matmul(shared * look.scale, keys.transpose(2, 3)).float()
            found = torch.matmul(_softmax(scores, mask, look.softcap).to(values.dtype), values)
        return found.reshape(rows, heads, -1)

    def _mask_together(self, longest: int, window: int | None) -> Tensor | None:
        singles = self.pieces[: self._together]
        if window is None and all(piece.length == longest for piece in singles):
            return None
        at = torch.arange(longest, device=self.to_slots.device)
        ends = self.to_positions[: self._together, None]
        hidden = at > ends
        if window is not None:
            hidden |= at <= ends - window
        return torch.zeros_like(hidden, dtype=torch.float32).masked_fill_(hidden, -torch.inf)[:, None, None]

    def _attend_singly(self, piece: Piece, query: Tensor, keys: Tensor, values: Tensor, look: Look) -> Tensor:
        first = max(0, piece.start + 1 - look.window) if look.window is not None else 0
        key = keys[piece.slot, first : piece.length].transpose(0, 1)
        value = values[piece.slot, first : piece.length].transpose(0, 1)
        mask = self._mask(piece.begin, look.window, lambda: self._mask_singly(piece, first, look.window))
        query = query.transpose(0, 1)
        if look.softcap is None:
            found = F.scaled_dot_product_attention(
                query[None], key[None], value[None], attn_mask=mask, scale=look.scale, enable_gqa=True
            )[0]
        else:
            shared, (heads, tokens, size) = len(key), query.shape
            grouped = (query * look.scale).reshape(shared, heads // shared * tokens, size)
            scores = torch.matmul(grouped, key.transpose(1, 2)).float().reshape(shared, -1, tokens, key.shape[1])
            chances = _softmax(scores, mask, look.softcap).to(value.dtype).reshape(shared, -1, key.shape[1])
            found = torch.matmul(chances, value).reshape(heads, tokens, -1)
        return found.transpose(0, 1)

    def _mask_singly(self, piece: Piece, first: int, window: int | None) -> Tensor | None:
        if piece.end - piece.begin == 1:
            return None
        ends = torch.arange(piece.start, piece.length, device=self.to_slots.device)[:, None]
        at = torch.arange(first, piece.length, device=self.to_slots.device)
        hidden = at > ends
        if window is not None:
            hidden |= at <= ends - window
        return torch.zeros_like(hidden, dtype=torch.float32).masked_fill_(hidden, -torch.inf)

    def _mask(self, name: int, window: int | None, make: Any) -> Tensor | None:
        """Made once a pass, for all layers that look alike."""
        if (name, window) not in self._masks:
            self._masks[name, window] = make()
        return self._masks[name, window]


def _softmax(scores: Tensor, mask: Tensor | None, softcap: float) -> Tensor:
    scores = torch.tanh(scores / softcap) * softcap
    return torch.softmax(scores if mask is None else scores + mask, dim=-1)


def caches_of(layer: nn.Module) -> tuple[Tensor, Tensor]:
    return layer.slot_keys, layer.slot_values  # type: ignore[return-value]  # nn.Module's attributes have no type
