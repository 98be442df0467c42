"""BatchModel on onnxruntime, without torch: the graphs that onnxruntime-genai's model builder makes.

Their attention (com.microsoft.GroupQueryAttention) writes into caches of full length that are input and output at
once, and takes each row's own length from the attention mask. So rows of different lengths decode in one run: the
caches of all slots lie side by side, and a run binds the stretch that it needs. Pieces of prompts run one slot at a
time, since the operator continues a prompt for a batch of one alone.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from usher_inference.generation.model import Token
from usher_inference.generation.ports import Row
from usher_inference.generation.sampling import choose_for_rows
from usher_shared.errors import Unavailable, Unprocessable

_LOG = logging.getLogger(__name__)
_CONFIG_FILE = "genai_config.json"
_NEEDED = (
    ("model", "context_length"),
    ("model", "vocab_size"),
    *(("model", "decoder", name) for name in ("filename", "num_hidden_layers", "num_key_value_heads", "head_size")),
    *(
        ("model", "decoder", "inputs", name)
        for name in ("input_ids", "attention_mask", "past_key_names", "past_value_names")
    ),
    *(("model", "decoder", "outputs", name) for name in ("logits", "present_key_names", "present_value_names")),
)
_GAP = 3  # so many idle slots between two busy ones are computed along rather than running twice
_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class OnnxBatchModel:
    """A folder with `genai_config.json` and its graph. `threads` 0 takes every core.

    Caches cost 2 x layers x key-value heads x head size x 4 bytes a position and slot (`cache_bytes` in all). Where
    that is more than half of the memory that this process may have, there are fewer slots. Raises Unavailable where
    there is no room for one, and Unprocessable for a configuration that is broken or names a graph that is not in the
    folder: its hash was never looked at.
    """

    def __init__(self, folder: Path, *, slots: int = 16, context_tokens: int | None = None, threads: int = 0) -> None:
        config = _model_config(folder)
        decoder = config["decoder"]
        graph = decoder["filename"]
        if Path(graph).name != graph:
            raise Unprocessable(f"genai_config.json names a graph outside of its folder: {graph!r}"[:200])
        longest: int = config["context_length"]
        self._context = min(context_tokens or longest, longest)
        self._vocabulary: int = config["vocab_size"]
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads or os.cpu_count() or 1
        # a thread that spins for the next run takes the core from those who render the last one's tokens
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(str(folder / graph), options, providers=["CPUExecutionProvider"])
        names, layers = decoder["inputs"], range(decoder["num_hidden_layers"])
        self._ids, self._mask = names["input_ids"], names["attention_mask"]
        pasts = [names[kind] % layer for layer in layers for kind in ("past_key_names", "past_value_names")]
        outputs = decoder["outputs"]
        presents = [outputs[kind] % layer for layer in layers for kind in ("present_key_names", "present_value_names")]
        self._logits = outputs["logits"]
        types = {each.name: _TYPES[each.type] for each in self._session.get_inputs() if each.name in set(pasts)}
        [self._logits_type] = [_TYPES[e.type] for e in self._session.get_outputs() if e.name == self._logits]
        # one position more than may be used: idle slots between busy ones write there, or behind what they hold
        shape = (decoder["num_key_value_heads"], self._context + 1, decoder["head_size"])
        self._slots = _fitting(slots, sum(np.dtype(types[past]).itemsize for past in pasts) * math.prod(shape))
        self._caches = [
            (past, present, np.zeros((self._slots, *shape), types[past]))
            for past, present in zip(pasts, presents, strict=True)
        ]
        self._held = [0] * self._slots  # positions in use, by slot
        self._bindings: dict[tuple[int, int], Any] = {}

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
        return sum(int(cache.nbytes) for _, _, cache in self._caches)

    def step(self, rows: Sequence[Row]) -> Sequence[Token | None]:
        for row in rows:
            self._held[row.slot] = row.start + len(row.tokens)
        logits: list[npt.NDArray[np.float32] | None] = [None] * len(rows)
        single = sorted((row.slot, at) for at, row in enumerate(rows) if len(row.tokens) == 1)
        for stretch in _stretches(single):
            first, last = stretch[0][0], stretch[-1][0]
            ids = np.zeros((last - first + 1, 1), np.int64)
            lengths = [self._held[slot] + 1 for slot in range(first, last + 1)]
            for slot, at in stretch:
                ids[slot - first, 0] = rows[at].tokens[0]
                lengths[slot - first] = rows[at].start + 1
            found = self._run(first, ids, lengths)
            for slot, at in stretch:
                logits[at] = found[slot - first, -1]
        for at, row in enumerate(rows):
            if len(row.tokens) > 1:
                ids = np.array([row.tokens], np.int64)
                logits[at] = self._run(row.slot, ids, [row.start + len(row.tokens)])[0, -1]
        return choose_for_rows(rows, logits)

    def copy(self, source: int, target: int, length: int) -> None:
        for _, _, cache in self._caches:
            cache[target, :, :length] = cache[source, :, :length]
        self._held[target] = length

    def close(self) -> None:
        self._bindings.clear()
        self._caches.clear()
        del self._session

    def _run(self, first: int, ids: npt.NDArray[np.int64], lengths: list[int]) -> npt.NDArray[Any]:
        """Logits of `ids` (slots from `first` on x tokens), whose rows end at `lengths` positions."""
        count = len(ids)
        binding = self._binding(first, count)
        mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
        binding.bind_cpu_input(self._ids, ids)
        binding.bind_cpu_input(self._mask, mask)
        binding.bind_output(self._logits, "cpu")
        self._session.run_with_iobinding(binding)
        found: npt.NDArray[Any] = binding.get_outputs()[-1].numpy()
        return found

    def _binding(self, first: int, count: int) -> Any:
        """The caches of a stretch of slots as inputs and outputs, bound once for each stretch."""
        binding = self._bindings.get((first, count))
        if binding is None:
            binding = self._session.io_binding()
            for past, present, cache in self._caches:
                part = cache[first : first + count]
                binding.bind_input(past, "cpu", 0, part.dtype, part.shape, part.ctypes.data)
                binding.bind_output(present, "cpu", 0, part.dtype, part.shape, part.ctypes.data)
            self._bindings[(first, count)] = binding
        return binding


def _model_config(folder: Path) -> dict[str, Any]:
    """What the builder wrote about the model. Raises Unprocessable, naming the first part that is not there."""
    try:
        config = json.loads((folder / _CONFIG_FILE).read_bytes())
    except FileNotFoundError as error:
        raise Unprocessable(f"{_CONFIG_FILE} is missing") from error
    except ValueError as error:
        raise Unprocessable(f"{_CONFIG_FILE} cannot be read: {error}"[:300]) from error
    for path in _NEEDED:
        part = config
        for name in path:
            if not isinstance(part, dict) or name not in part:
                raise Unprocessable(f"{_CONFIG_FILE} has no {'.'.join(path)}")
            part = part[name]
    model: dict[str, Any] = config["model"]
    return model


def _fitting(slots: int, bytes_a_slot: int) -> int:
    """As many of the slots as half of the memory holds. It is taken when it is used; running out kills the process."""
    most = _memory() // 2 // bytes_a_slot
    if most < 1:
        raise Unavailable(
            f"one cache takes {bytes_a_slot >> 20} MiB, more than half of the memory: lower the context's tokens"
        )
    if most < slots:
        _LOG.warning("memory for fewer slots", extra={"slots": most, "wanted": slots, "mib_a_slot": bytes_a_slot >> 20})
    return min(slots, most)


def _memory() -> int:
    """Bytes that this process may have: the container's limit (cgroup 2 or 1), or the machine's memory."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # not there, or `max`
            limits.append(int(Path(limit).read_text()))
    return min(limits)


def _stretches(single: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Slots (with their rows) in runs that have no wide gap."""
    found: list[list[tuple[int, int]]] = []
    for each in single:
        if found and each[0] - found[-1][-1][0] <= _GAP + 1:
            found[-1].append(each)
        else:
            found.append([each])
    return found
