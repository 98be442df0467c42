"""The torch engine as it is served: many streams at once through the batcher, against transformers' `generate`."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import pytest
from peft import PeftModel

import tiny_qwen
from contracts.batch_models.suite import generate, one_thread, prompts, reference
from usher_inference.adapters.torch_loading import load_torch_model
from usher_inference.generation.model import TokenRequest
from usher_inference.generation.service import Batcher
from usher_inference.metrics import Metrics

__all__ = ["one_thread", "reference"]  # fixtures


@pytest.mark.parametrize("adapter", ["none", "merged", "attached"])
async def test_sixteen_streams_say_what_generate_says(reference: Any, adapter: str) -> None:
    own = copy.deepcopy(reference)
    tuned = own if adapter == "none" else PeftModel.from_pretrained(own, str(tiny_qwen.adapter()))
    model = load_torch_model(
        tiny_qwen.folder(),
        adapter=None if adapter == "none" else tiny_qwen.adapter(),
        merged=adapter == "merged",
        slots=5,
        context_tokens=200,
        device="cpu",
    )
    batcher = Batcher(model, Metrics().engine("m", "v"), prefill_tokens=48)
    [shared] = prompts(1, (40, 40), 31)
    # a third of them begin alike: their beginnings are copied
    asked = [(shared if at % 3 == 0 else []) + prompt for at, prompt in enumerate(prompts(16, (1, 90), 30))]

    async def stream(prompt: list[int]) -> list[int]:
        return [token.id async for token in batcher.decode(TokenRequest(prompt, 16, frozenset()))]

    answers = await asyncio.gather(*map(stream, asked))
    await batcher.close()
    assert answers == [generate(tuned, prompt, 16) for prompt in asked]
