"""Decode steps recorded once for each batch size and replayed: on a GPU, Python would take longer than the kernels."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from usher_inference.adapters.torch_flash import FlashPass, Kernel
from usher_inference.generation.ports import Row

Step = Callable[[], Tensor]
Capture = Callable[[Step], Step]
Compiler = str | Callable[..., Any]  # one of torch.compile's backends
Run = Callable[[Tensor, Tensor, FlashPass], Tensor]  # token ids, positions, pass -> logits after every token


@dataclass(frozen=True, slots=True)
class Acceleration:
    """What a GPU has beside matrix products: a kernel for attention, recorded steps, a compiler for their layers.

    Without `capture` steps are not recorded, nor compiled. `types` are those that the kernel takes; a model of others
    goes without all of it.
    """

    kernel: Kernel
    capture: Capture | None = None
    compiler: Compiler | None = None
    types: Collection[torch.dtype] = (torch.bfloat16, torch.float16)


class DecodeGraphs:
    """`run` recorded for 1, 2, 4, 8, 16 rows and so on to `slots`, each by `capture`.

    Rows that fill a batch up go to the slot behind the last, which no request has. The caches have `positions` each.
    """

    def __init__(
        self, run: Run, *, slots: int, positions: int, device: torch.device, kernel: Kernel, capture: Capture
    ) -> None:
        self._run, self._positions, self._kernel = run, positions, kernel
        self._spare = slots
        self._sizes = _sizes(slots)
        self._staged = torch.zeros(slots, 3, dtype=torch.int64, pin_memory=device.type == "cuda")
        self._inputs = torch.zeros(slots, 3, dtype=torch.int64, device=device)  # token id, slot, position
        # the largest first: the others find their memory in what it left
        self._steps = {size: capture(partial(self._step, size)) for size in reversed(self._sizes)}

    def logits(self, rows: Sequence[Row]) -> Tensor:
        """(rows, vocabulary) after rows of a single token. The next call writes over it."""
        size = next(size for size in self._sizes if size >= len(rows))
        filled = [(row.tokens[0], row.slot, row.start) for row in rows] + [(0, self._spare, 0)] * (size - len(rows))
        self._staged[:size] = torch.tensor(filled)
        self._inputs[:size].copy_(self._staged[:size])
        return self._steps[size]()[: len(rows)]

    def _step(self, size: int) -> Tensor:
        ids, slots, positions = self._inputs[:size].unbind(1)
        run = FlashPass.of_single_tokens(slots, positions, self._positions, self._kernel)
        return self._run(ids, positions, run)


def _sizes(slots: int) -> list[int]:
    """1, 2, 4, 8, then every 8 to 32, every 16 to 64, every 32 beyond: at most a third of a batch is filling."""
    steps = [1, 2, 4, *range(8, 32, 8), *range(32, 64, 16), *range(64, slots, 32)]
    return [*(size for size in steps if size < slots), slots]


def record_on_gpu() -> Capture:
    """CUDA graphs that share their memory, since only one runs at a time."""
    pool = torch.cuda.graph_pool_handle()

    def capture(step: Step) -> Step:
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch gives it no types
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(3):  # compiles, chooses algorithms, fills caches: none of it may be recorded
                step()
        torch.cuda.current_stream().wait_stream(beside)
        graph = torch.cuda.CUDAGraph()
        # another engine's thread may use the GPU meanwhile
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            found = step()

        def replay() -> Tensor:
            graph.replay()
            return found

        return replay

    return capture


@contextmanager
def compiled_layers(model: nn.Module, compiler: Compiler) -> Iterator[None]:
    """The model's repeated layers run compiled, to be recorded so; afterwards they are as before.

    Layer by layer rather than as a whole: they are alike, so one compilation serves them all.
    """
    layers = _repeated(model)
    options: dict[str, Any] = {"recompile_limit": 64, "accumulated_recompile_limit": 512}
    with torch._dynamo.config.patch(options):
        for layer in layers:
            layer.compile(backend=compiler, dynamic=False)
        try:
            yield
        finally:
            for layer in layers:
                layer._compiled_call_impl = None


def _repeated(model: nn.Module) -> Sequence[nn.Module]:
    """The layers that attend, each with all that is in it; experts, too, come in lists."""
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) and any("slot_keys" in vars(m) for m in module.modules()):
            return list(module)
    return []
