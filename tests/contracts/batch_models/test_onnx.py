from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import tiny_qwen
from contracts.batch_models.suite import CONTEXT, SLOTS, BatchModelSuite, one_thread, reference
from usher_inference.adapters.onnx_batch_model import OnnxBatchModel
from usher_inference.generation.model import Sampling
from usher_inference.generation.ports import Choice, Row

__all__ = ["one_thread", "reference"]  # fixtures


@pytest.fixture(scope="module")
def model() -> Iterator[OnnxBatchModel]:
    model = OnnxBatchModel(tiny_qwen.onnx(), slots=SLOTS, context_tokens=CONTEXT, threads=1)
    yield model
    model.close()


class TestOnnxBatchModel(BatchModelSuite):
    __test__ = True

    def test_it_knows_the_model_and_what_its_caches_cost(self, model: OnnxBatchModel) -> None:
        assert model.vocabulary == tiny_qwen.VOCABULARY
        # keys and values, layers, slots, heads, positions and the spare one, width, bytes
        assert model.cache_bytes == 2 * 2 * SLOTS * 2 * (CONTEXT + 1) * 16 * 4

    def test_there_are_as_many_slots_as_memory_holds(self) -> None:
        model = OnnxBatchModel(tiny_qwen.onnx(), slots=1 << 30, context_tokens=CONTEXT, threads=1)
        try:
            assert 1 < model.slots < 1 << 30
            memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
            assert model.cache_bytes <= memory // 2
            assert model.step([Row(model.slots - 1, 0, [1, 2, 3], Choice(Sampling()))])[0] is not None
        finally:
            model.close()
