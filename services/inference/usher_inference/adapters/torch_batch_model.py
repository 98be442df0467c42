"""BatchModel on torch: any causal chat model of transformers, with a cache of fixed length for each slot."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from usher_inference.adapters import torch_sampling
from usher_inference.adapters.torch_flash import FlashPass, Kernel, takes
from usher_inference.adapters.torch_graphs import Acceleration, DecodeGraphs, compiled_layers
from usher_inference.adapters.torch_slots import (
    IMPLEMENTATION,
    DensePass,
    Pass,
    Piece,
    Probe,
    UnservableModel,
    give_caches,
)
from usher_inference.generation.model import Sampling, Token
from usher_inference.generation.ports import Choice, Row
from usher_inference.generation.sampling import choose

_LIKELIEST = Choice(Sampling())
_TOLERANCE = {torch.float32: 1e-3, torch.float16: 0.05, torch.bfloat16: 0.2}  # of the logits' standard deviation


class TorchBatchModel:
    """`model` is one of transformers' causal models, loaded, on its device; it belongs to this object from now on.

    Caches cost 2 x layers x key-value heads x head size x bytes of the type a position and slot (`cache_bytes`).
    Raises UnservableModel for a model whose answers would not be its own here.
    """

    def __init__(
        self,
        model: Any,
        *,
        slots: int = 16,
        context_tokens: int | None = None,
        acceleration: Acceleration | None = None,
    ) -> None:
        _check_kind(model)
        limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        self._context = min(context_tokens or limit or 4096, limit or 1 << 30)
        _check_rope(model, self._context)
        self._model = model.eval().requires_grad_(False)
        self._slots = slots
        self._device: torch.device = model.device
        self._vocabulary: int = model.get_output_embeddings().out_features
        self._kernel: Kernel | None = None
        self._graphs: DecodeGraphs | None = None
        expected = self._own_logits()
        own_attention = model.config._attn_implementation
        model.set_attn_implementation(IMPLEMENTATION)
        try:
            self._prepare(acceleration)
            self._check_answers(expected)
        except BaseException:
            self._drop_caches()
            model.set_attn_implementation(own_attention)  # as it came
            raise

    def _prepare(self, acceleration: Acceleration | None) -> None:
        """Caches, and what the acceleration has for this model."""
        probe = Probe()
        self._run(torch.ones(1, dtype=torch.int64), torch.zeros(1, dtype=torch.int64), probe, [0])
        if acceleration is None or not takes(probe, acceleration.types):
            self._caches = give_caches(probe, self._slots, self._context, as_lines=False)
            return
        self._kernel = acceleration.kernel
        self._caches = give_caches(probe, self._slots + 1, self._context, as_lines=True)
        if acceleration.capture is None:
            return
        compiler = acceleration.compiler
        with compiled_layers(self._model, compiler) if compiler else nullcontext():
            self._graphs = DecodeGraphs(
                self._run,
                slots=self._slots,
                positions=self._context,
                device=self._device,
                kernel=self._kernel,
                capture=acceleration.capture,
            )

    @property
    def slots(self) -> int:
        return self._slots

    @property
    def context_tokens(self) -> int:
        return self._context

    @property
    def vocabulary(self) -> int:
        return self._vocabulary

    @property
    def cache_bytes(self) -> int:
        return sum(cache.numel() * cache.element_size() for cache in self._caches)

    def step(self, rows: Sequence[Row]) -> Sequence[Token | None]:
        order = sorted(range(len(rows)), key=lambda at: (len(rows[at].tokens) > 1, rows[at].slot))
        chosen = [(at, choice) for at in order if (choice := rows[at].choice) is not None]
        answers: list[Token | None] = [None] * len(rows)
        with torch.inference_mode():
            logits = self._logits([rows[at] for at in order])
            if chosen:
                tokens = self._choose(logits, [choice for _, choice in chosen])
                for (at, _), token in zip(chosen, tokens, strict=True):
                    answers[at] = token
        return answers

    def copy(self, source: int, target: int, length: int) -> None:
        for cache in self._caches:
            cache[target, :length] = cache[source, :length]

    def close(self) -> None:
        self._graphs = None
        self._drop_caches()
        del self._model
        if self._device.type == "cuda":
            gc.collect()  # models have cycles; the next release may need their memory at once
            torch.cuda.empty_cache()

    def _drop_caches(self) -> None:
        self._caches = []
        for layer in self._model.modules():
            layer.__dict__.pop("slot_keys", None)
            layer.__dict__.pop("slot_values", None)

    def _choose(self, logits: Tensor, choices: Sequence[Choice]) -> Sequence[Token | None]:
        if self._device.type == "cpu":
            return choose(logits.float().numpy(), choices)
        return torch_sampling.choose(logits, choices)

    def _logits(self, rows: Sequence[Row]) -> Tensor:
        """Logits after each row that has a choice. Rows of one token stand first, by slot."""
        if self._graphs and all(len(row.tokens) == 1 and row.choice is not None for row in rows):
            return self._graphs.logits(rows)
        tokens: list[int] = []
        pieces: list[Piece] = []
        last: list[int] = []
        for row in rows:
            pieces.append(Piece(row.slot, row.start, len(tokens), len(tokens) + len(row.tokens)))
            tokens.extend(row.tokens)
            if row.choice is not None:
                last.append(len(tokens) - 1)
        slots = np.repeat([piece.slot for piece in pieces], [piece.end - piece.begin for piece in pieces])
        positions = np.concatenate([np.arange(piece.start, piece.length) for piece in pieces])
        line = torch.from_numpy(np.stack([np.array(tokens), slots, positions])).to(self._device)
        ids, to_slots, to_positions = line
        run: Pass = DensePass(to_slots, to_positions, pieces)
        if self._kernel:
            run = FlashPass.over(pieces, to_slots, to_positions, self._context, self._kernel)
        return self._run(ids, to_positions, run, last)

    @torch.inference_mode()
    def _run(self, ids: Tensor, positions: Tensor, run: Pass, last: Sequence[int] | None = None) -> Tensor:
        """(tokens, vocabulary) logits after the tokens at `last`, or after all of them."""
        kept = 0 if last is None else torch.tensor(last, dtype=torch.int64, device=self._device)
        found = self._model(
            input_ids=ids.to(self._device)[None],
            position_ids=positions.to(self._device)[None],
            use_cache=False,
            logits_to_keep=kept,
            slots=run,
        )
        logits: Tensor = found.logits[0]
        return logits

    @torch.inference_mode()
    def _own_logits(self) -> tuple[list[int], Tensor]:
        """A line of tokens, and what the model says after it with its own attention."""
        count = min(24, self._context)
        tokens = [7919 * at % self.vocabulary for at in range(1, count + 1)]
        ids = torch.tensor([tokens], device=self._device)
        return tokens, self._model(input_ids=ids, use_cache=False).logits[0, -1].float()

    def _check_answers(self, expected: tuple[list[int], Tensor]) -> None:
        """In pieces and beside another row: the same as the model's own attention over the whole line."""
        tokens, logits = expected
        slot, half = self._slots - 1, len(tokens) // 2
        for start, end in ((0, half), (half, len(tokens) - 1), (len(tokens) - 1, len(tokens))):
            beside = [] if slot == 0 or end == len(tokens) else [Row(0, 0, tokens[-3:], None)]
            found = self._logits([Row(slot, start, tokens[start:end], _LIKELIEST), *beside])
        off = ((found[0].float() - logits).abs().max() / logits.std()).item()
        if not off <= _TOLERANCE.get(self._caches[0].dtype, 0.2):
            raise UnservableModel(f"its logits differ from its own attention's by {off:.2g} standard deviations")


def _check_kind(model: Any) -> None:
    if not getattr(model, "_supports_attention_backend", False):
        raise UnservableModel(f"{type(model).__name__} takes no attention function of others")
    kinds = set(getattr(model.config.get_text_config(), "layer_types", None) or ())
    unknown = sorted(kinds - {"full_attention", "sliding_attention"})
    if unknown:
        raise UnservableModel(f"{type(model).__name__} has layers of another kind: {', '.join(unknown)}")


def _check_rope(model: Any, context: int) -> None:
    """Some rotations change with the longest row of a batch: then neighbours would change an answer."""
    config = model.config.get_text_config()
    rope = getattr(config, "rope_parameters", None) or {}
    for part in [rope, *(each for each in rope.values() if isinstance(each, dict))]:
        original = part.get("original_max_position_embeddings") or config.max_position_embeddings
        if part.get("rope_type") in ("dynamic", "longrope") and context > original:
            raise UnservableModel(f"its rotary positions change beyond {original} tokens: ask for no more context")
