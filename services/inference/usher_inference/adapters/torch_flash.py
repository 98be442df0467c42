"""Attention over slots by torch's kernel for lines of different lengths (FlashAttention 2, on GPUs alone).

The kernel takes where each row's keys begin and how many of them count. Slots lie one behind another in memory, so a
row's keys begin at its slot's number times the positions of a slot: nothing is gathered, padded or copied, whichever
slots the rows are in. https://docs.pytorch.org/docs/stable/nn.attention.varlen.html says what the kernel takes; that
keys begin where `cu_seq_k` says while `seqused_k` alone gives their number stands in block_info.h and flash_api.cpp of
pytorch's aten/src/ATen/native/transformers/cuda/flash_attn.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from usher_inference.adapters.torch_slots import Look, Piece, Probe, UnservableModel, caches_of

Kernel = Callable[..., Tensor]  # torch.nn.attention.varlen.varlen_attn
_WIDEST = 256  # of a head; the kernel's limit


def takes(probe: Probe, types: Collection[torch.dtype]) -> bool:
    """Whether a kernel for these types can do this model's attention."""
    return not probe.softcap and all(
        keys == values and keys[1] <= _WIDEST and keys[1] % 8 == 0 and dtype in types
        for _, keys, values, dtype, _ in probe.layers
    )


@dataclass(slots=True)
class FlashPass:
    """One run over rows: `begins` (rows + 1) in the line, `places` (rows + 1) of the slots in the cache, `lengths`."""

    to_slots: Tensor
    to_positions: Tensor
    begins: Tensor
    places: Tensor
    lengths: Tensor
    longest_row: int
    longest: int
    kernel: Kernel

    @classmethod
    def over(
        cls, pieces: Sequence[Piece], to_slots: Tensor, to_positions: Tensor, positions: int, kernel: Kernel
    ) -> FlashPass:
        """Over any rows, with caches of `positions` each."""
        device = to_slots.device

        def whole_numbers(values: list[int]) -> Tensor:
            return torch.tensor(values, dtype=torch.int32, device=device)

        return cls(
            to_slots,
            to_positions,
            begins=whole_numbers([0, *(piece.end for piece in pieces)]),
            places=whole_numbers([*(piece.slot * positions for piece in pieces), 0]),
            lengths=whole_numbers([piece.length for piece in pieces]),
            longest_row=max(piece.end - piece.begin for piece in pieces),
            longest=max(piece.length for piece in pieces),
            kernel=kernel,
        )

    @classmethod
    def of_single_tokens(cls, to_slots: Tensor, to_positions: Tensor, positions: int, kernel: Kernel) -> FlashPass:
        """Over rows of one token each. Nothing here depends on the tensors' values: it can be recorded."""
        rows = len(to_slots)
        return cls(
            to_slots,
            to_positions,
            begins=torch.arange(rows + 1, dtype=torch.int32, device=to_slots.device),
            places=torch.nn.functional.pad(to_slots * positions, (0, 1)).int(),
            lengths=(to_positions + 1).int(),
            longest_row=1,
            longest=positions,
            kernel=kernel,
        )

    def attend(self, layer: nn.Module, query: Tensor, key: Tensor, value: Tensor, look: Look) -> Tensor:
        if look.softcap is not None:
            raise UnservableModel("the kernel does not bend scores")
        keys, values = caches_of(layer)
        keys[self.to_slots, self.to_positions] = key
        values[self.to_slots, self.to_positions] = value
        if look.window is None and self.longest_row == 1:
            window = (-1, -1)  # all there is; told so, the kernel divides a long row among processors
        else:
            window = (-1 if look.window is None else look.window - 1, 0)
        return self.kernel(
            query,
            keys.view(-1, *keys.shape[2:]),
            values.view(-1, *values.shape[2:]),
            self.begins,
            self.places,
            self.longest_row,
            self.longest,
            scale=look.scale,
            window_size=window,
            enable_gqa=True,
            seqused_k=self.lengths,
        )
