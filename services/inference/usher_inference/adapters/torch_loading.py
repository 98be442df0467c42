"""A folder of Hugging Face's, with or without a LoRA adapter, as a TorchBatchModel."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar

from usher_inference.adapters.torch_batch_model import TorchBatchModel
from usher_inference.adapters.torch_flash import Kernel
from usher_inference.adapters.torch_graphs import Acceleration, record_on_gpu
from usher_inference.adapters.torch_slots import UnservableModel

_log = logging.getLogger(__name__)
Precision = Literal["auto", "float32", "bfloat16", "4bit"]


def load_torch_model(
    folder: Path,
    *,
    adapter: Path | None = None,
    merged: bool = True,
    precision: Precision = "auto",
    device: str | None = None,
    slots: int = 16,
    context_tokens: int | None = None,
    threads: int = 0,
) -> TorchBatchModel:
    """The model of `folder` (config.json and safetensors), ready to decode.

    An `adapter` (a folder that peft saved) is merged into the weights, or with `merged` false attached: peft then adds
    its product to each layer's, at some cost a token. `precision` auto is bfloat16 on a GPU and float32 on the CPU;
    `4bit` is bitsandbytes' NF4 with double quantisation, computed in bfloat16 on a GPU. An adapter is merged before
    weights are quantised, never into quantised ones. `device` is torch's name for it, by default `cuda` where there
    is one. `threads` are those of the process for work on the CPU, by torch's own choice when 0. Nothing is
    downloaded, no code of the folder is run. Raises UnservableModel, OSError, and torch's OutOfMemoryError where a
    GPU has no room for the caches.
    """
    if threads:
        torch.set_num_threads(threads)
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    auto = torch.bfloat16 if where.type == "cuda" else torch.float32
    dtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}.get(precision, auto)
    disable_progress_bar()  # logs are lines
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=dtype,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        device_map=None if precision == "4bit" else where,  # whole, it may be more than the device holds
    )
    if adapter is not None and merged:
        model = _adapted(model, adapter).merge_and_unload()
    if precision == "4bit":
        quantise(model, where)
    model.to(where)
    if adapter is not None and not merged:
        model = _adapted(model, adapter).get_base_model()  # its layers are peft's by now
    return ready(model, slots=slots, context_tokens=context_tokens)


def ready(model: Any, *, slots: int = 16, context_tokens: int | None = None) -> TorchBatchModel:
    """A loaded model, with all that its device can do for it; each step down is logged with its reason."""
    if model.device.type != "cuda":
        return TorchBatchModel(model, slots=slots, context_tokens=context_tokens)
    from torch.nn.attention.varlen import varlen_attn

    kernel = cast(Kernel, varlen_attn)
    recorded = Acceleration(kernel, record_on_gpu())
    # bitsandbytes' layers are kernels of their own already
    compiled = [] if getattr(model, "is_loaded_in_4bit", False) else [replace(recorded, compiler="inductor")]
    for acceleration in (*compiled, recorded, Acceleration(kernel)):
        try:
            return TorchBatchModel(model, slots=slots, context_tokens=context_tokens, acceleration=acceleration)
        except torch.OutOfMemoryError:
            raise
        except (UnservableModel, RuntimeError) as error:
            _log.warning("this model cannot be accelerated by %s: %s", acceleration, error)
    return TorchBatchModel(model, slots=slots, context_tokens=context_tokens)


def _adapted(model: Any, adapter: Path) -> Any:
    from peft import PeftModel

    return PeftModel.from_pretrained(model, str(adapter), local_files_only=True, autocast_adapter_dtype=False)


def quantise(model: Any, device: torch.device) -> None:
    """Every linear layer but the last, which chooses tokens, becomes one of bitsandbytes' on that device."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    kept = model.get_output_embeddings()
    for name, layer in list(model.named_modules()):
        if type(layer) is not nn.Linear or layer is kept:
            continue
        with torch.device("meta"):
            small = Linear4bit(
                layer.in_features, layer.out_features, layer.bias is not None, model.dtype, quant_type="nf4"
            )
        small.weight = Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4", module=small)
        small.bias = layer.bias
        model.set_submodule(name, small.to(device))  # a weight is quantised when it moves
    model.is_loaded_in_4bit = True  # what peft asks before it wraps a layer
