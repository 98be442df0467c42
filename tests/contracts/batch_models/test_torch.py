from __future__ import annotations

from collections.abc import Iterator

import pytest

import tiny_qwen
from contracts.batch_models.suite import CONTEXT, SLOTS, BatchModelSuite, one_thread, reference
from usher_inference.adapters.torch_batch_model import TorchBatchModel
from usher_inference.adapters.torch_loading import load_torch_model

__all__ = ["one_thread", "reference"]  # fixtures


@pytest.fixture(scope="module")
def model() -> Iterator[TorchBatchModel]:
    model = load_torch_model(tiny_qwen.folder(), slots=SLOTS, context_tokens=CONTEXT, device="cpu")
    yield model
    model.close()


class TestTorchBatchModel(BatchModelSuite):
    __test__ = True

    def test_it_knows_the_model_and_what_its_caches_cost(self, model: TorchBatchModel) -> None:
        assert model.vocabulary == tiny_qwen.VOCABULARY
        # keys and values, layers, slots, heads, positions, width, bytes
        assert model.cache_bytes == 2 * 2 * SLOTS * 2 * CONTEXT * 16 * 4
