"""The torch model over slots against transformers' own `generate`, token for token."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

import tiny_qwen
from contracts.batch_models.suite import generate, one_thread, prompts, reference, run
from usher_inference.adapters.torch_batch_model import TorchBatchModel
from usher_inference.adapters.torch_loading import load_torch_model
from usher_inference.adapters.torch_slots import UnservableModel

__all__ = ["one_thread", "reference"]  # fixtures


@pytest.fixture(scope="module")
def model() -> TorchBatchModel:
    return load_torch_model(tiny_qwen.folder(), slots=6, context_tokens=300, device="cpu")


def test_one_long_row_beside_short_ones(model: TorchBatchModel, reference: Any) -> None:
    jobs = [*prompts(1, (250, 250), 3), *prompts(5, (1, 4), 4)]
    assert run(model, jobs, 12, piece=400) == [generate(reference, job, 12) for job in jobs]


@pytest.mark.parametrize("merged", [True, False])
def test_an_adapter_merged_or_attached_says_what_peft_says(reference: Any, merged: bool) -> None:
    from peft import PeftModel

    tuned = PeftModel.from_pretrained(copy.deepcopy(reference), str(tiny_qwen.adapter()))
    model = load_torch_model(tiny_qwen.folder(), adapter=tiny_qwen.adapter(), merged=merged, slots=4, device="cpu")
    jobs = prompts(6, (1, 90), 1)
    answers = run(model, jobs, 16)
    assert answers == [generate(tuned, job, 16) for job in jobs]
    assert answers != [generate(reference, job, 16) for job in jobs]


@pytest.mark.parametrize("tuned", [False, True])
def test_four_bits_say_what_transformers_says_of_the_same_weights(tuned: bool) -> None:
    four_bits = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    source = tiny_qwen.merged() if tuned else tiny_qwen.folder()
    reference = AutoModelForCausalLM.from_pretrained(
        source, quantization_config=four_bits, dtype=torch.float32, device_map="cpu"
    )
    model = load_torch_model(
        tiny_qwen.folder(),
        adapter=tiny_qwen.adapter() if tuned else None,
        precision="4bit",
        slots=4,
        device="cpu",
    )
    jobs = prompts(5, (1, 60), 1)
    assert run(model, jobs, 12) == [generate(reference, job, 12) for job in jobs]


SHAPE: dict[str, Any] = {
    "vocab_size": 300,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 256,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}


DEEPSEEK: dict[str, Any] = {
    "head_dim": None,
    "num_key_value_heads": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "moe_intermediate_size": 32,
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 8,
    "qk_nope_head_dim": 8,
    "v_head_dim": 12,
    "first_k_dense_replace": 1,
}


def built(kind: str, **more: Any) -> Any:
    torch.manual_seed(3)
    model = (
        AutoModelForCausalLM.from_config(
            getattr(transformers, f"{kind}Config")(
                **{name: value for name, value in (SHAPE | more).items() if value is not None}
            )
        )
        .float()
        .eval()
    )
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() >= 2:
                weights.mul_(3)
    return model


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("Llama", {}),
        ("Qwen2", {}),
        ("Mistral", {"sliding_window": 17}),
        ("Gemma2", {"sliding_window": 17}),  # bends scores, and every other layer has a window
        ("Qwen3Moe", {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}),
        ("DeepseekV3", DEEPSEEK),  # keys wider than values
        ("GPT2", {"n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 256}),  # learned positions
    ],
)
def test_other_models_say_what_generate_says(kind: str, more: dict[str, Any]) -> None:
    model = built(kind, **more)
    reference = copy.deepcopy(model)
    jobs = prompts(5, (1, 90), 1, 300)
    slots = TorchBatchModel(model, slots=4, context_tokens=200)
    assert run(slots, jobs, 12) == [generate(reference, job, 12) for job in jobs]


@pytest.mark.parametrize(
    ("kind", "more", "why"),
    [
        ("GptOss", {"num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": 17}, "sinks"),
        ("Mamba", {}, "no attention function"),
        ("Nemotron", {}, "do not hand on"),
        ("Llama4Text", {}, "chunked_attention"),
    ],
)
def test_a_model_that_slots_cannot_serve_is_refused(kind: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(UnservableModel, match=why):
        TorchBatchModel(built(kind, **more), slots=2)


def test_a_model_whose_answers_would_change_is_refused() -> None:
    class Shifted(transformers.LlamaForCausalLM):
        """Looks at the length of a line, as no model should: a row's answer would depend on its neighbours."""

        def forward(self, input_ids: Any = None, **more: Any) -> Any:
            found = super().forward(input_ids=input_ids, **more)
            found.logits = found.logits.roll(input_ids.shape[-1], -1)
            return found

    with pytest.raises(UnservableModel, match="standard deviations"):
        TorchBatchModel(Shifted(built("Llama").config), slots=2)


def test_positions_that_depend_on_neighbours_are_refused() -> None:
    rope = {"rope_type": "dynamic", "factor": 4.0, "rope_theta": 10000.0, "original_max_position_embeddings": 64}
    with pytest.raises(UnservableModel, match="rotary"):
        TorchBatchModel(built("Llama", rope_parameters=rope), slots=2)
    assert TorchBatchModel(built("Llama", rope_parameters=rope), slots=2, context_tokens=64).context_tokens == 64


def test_weights_that_would_run_code_are_not_loaded(tmp_path: Path) -> None:
    built("Llama").save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(OSError, match="safetensors"):
        load_torch_model(tmp_path, device="cpu")
