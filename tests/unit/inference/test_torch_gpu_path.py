"""What runs on a GPU alone, run on the CPU: its kernel's contract is computed plainly, recorded steps are run again.

That the numbers handed to the kernel, the recorded batches, and the choice of tokens are right can be seen here; speed
and CUDA's own rules cannot.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._dynamo.testing import CompileCounter
from transformers import AutoModelForCausalLM, MistralConfig

import tiny_qwen
from contracts.batch_models.suite import CONTEXT, SLOTS, BatchModelSuite, generate, one_thread, prompts, reference, run
from usher_inference.adapters import torch_sampling
from usher_inference.adapters.torch_batch_model import TorchBatchModel
from usher_inference.adapters.torch_graphs import Acceleration
from usher_inference.adapters.torch_slots import UnservableModel
from usher_inference.generation import sampling
from usher_inference.generation.model import Sampling, Token
from usher_inference.generation.ports import BatchModel, Choice

__all__ = ["one_thread", "reference"]  # fixtures


@torch.library.custom_op("usher_tests::varlen", mutates_args=())
def _varlen(  # noqa: PLR0917  # an operator's schema
    query: Tensor, key: Tensor, value: Tensor, begins: Tensor, places: Tensor, left: int, scale: float, used: Tensor
) -> Tensor:
    answers = []
    for row in range(len(begins) - 1):
        asked = query[begins[row] : begins[row + 1]].transpose(0, 1)
        known = slice(int(places[row]), int(places[row] + used[row]))
        keys, values = key[known].transpose(0, 1), value[known].transpose(0, 1)
        ends = torch.arange(len(keys[0]) - len(asked[0]), len(keys[0]))[:, None]
        at = torch.arange(len(keys[0]))
        seen = (at <= ends) & ((at >= ends - left) if left >= 0 else True)
        attend = torch.nn.functional.scaled_dot_product_attention
        answers.append(attend(asked, keys, values, attn_mask=seen, scale=scale, enable_gqa=True).transpose(0, 1))
    return torch.cat(answers)


@_varlen.register_fake
def _(query: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(query)


class Kernel:
    """torch.nn.attention.varlen.varlen_attn as documented, keys beginning at `cu_seq_k`, `seqused_k` of them."""

    def __init__(self) -> None:
        self.longest: set[int] = set()

    def __call__(  # noqa: PLR0917  # torch's
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        cu_seq_q: Tensor,
        cu_seq_k: Tensor,
        max_q: int,
        max_k: int,
        *,
        scale: float,
        window_size: tuple[int, int],
        enable_gqa: bool,
        seqused_k: Tensor,
    ) -> Tensor:
        assert enable_gqa
        assert window_size[1] == 0 or (window_size == (-1, -1) and max_q == 1)
        assert {cu_seq_q.dtype, cu_seq_k.dtype, seqused_k.dtype} == {torch.int32}
        assert key.is_contiguous()
        if not torch.compiler.is_compiling():
            assert len(cu_seq_q) == len(cu_seq_k) == len(seqused_k) + 1
            assert int(cu_seq_q.diff().max()) <= max_q
            assert int(seqused_k.max()) <= max_k
            assert int(cu_seq_q[-1]) == len(query)
            self.longest.add(max_q)
        return _varlen(query, key, value, cu_seq_q, cu_seq_k, window_size[0], scale, seqused_k)


class Recorder:
    """Records a step by running it, and replays it by running it again into the same memory, as a CUDA graph does."""

    def __init__(self) -> None:
        self.recorded: list[int] = []
        self.replayed: list[int] = []

    def __call__(self, step: Callable[[], Tensor]) -> Callable[[], Tensor]:
        found = step().clone()
        self.recorded.append(len(found))

        def replay() -> Tensor:
            self.replayed.append(len(found))
            return found.copy_(step())

        return replay


def accelerated(recorder: Recorder | None, kernel: Kernel, compiler: Any = None) -> Acceleration:
    """The real kernel takes half precision alone; equality to the token needs float32."""
    return Acceleration(kernel, recorder, compiler, types=(torch.float32,))


@pytest.fixture(scope="module")
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture(scope="module")
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture(scope="module")
def model(recorder: Recorder, kernel: Kernel) -> Iterator[TorchBatchModel]:
    bare = AutoModelForCausalLM.from_pretrained(tiny_qwen.folder())
    model = TorchBatchModel(bare, slots=SLOTS, context_tokens=CONTEXT, acceleration=accelerated(recorder, kernel))
    yield model
    model.close()


class TestAcceleratedModel(BatchModelSuite):
    __test__ = True

    def test_steps_of_single_tokens_are_replayed_and_others_go_through_the_kernel(
        self, model: BatchModel, reference: Any, recorder: Recorder, kernel: Kernel
    ) -> None:
        recorder.replayed.clear()
        kernel.longest.clear()
        jobs = prompts(SLOTS, (5, 40), 21)
        assert run(model, jobs, 12) == [generate(reference, job, 12) for job in jobs]
        assert recorder.recorded == [6, 4, 2, 1]
        assert set(recorder.replayed) == {6, 4, 2, 1}
        assert max(kernel.longest) > 1


def test_a_window_reaches_the_kernel(recorder: Recorder) -> None:
    torch.manual_seed(3)
    shape = MistralConfig(
        vocab_size=300,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=256,
        sliding_window=17,
    )
    bare = AutoModelForCausalLM.from_config(shape).float().eval()
    reference = copy.deepcopy(bare)
    model = TorchBatchModel(bare, slots=3, acceleration=accelerated(recorder, Kernel()))
    jobs = prompts(5, (1, 80), 2, 300)
    assert run(model, jobs, 12) == [generate(reference, job, 12) for job in jobs]


def test_a_kernel_that_answers_otherwise_is_refused_and_the_model_left_as_it_came() -> None:
    class Forgetful(Kernel):
        def __call__(self, *given: Any, **named: Any) -> Tensor:
            return super().__call__(*given, **named | {"seqused_k": named["seqused_k"].clamp(max=9)})

    bare = AutoModelForCausalLM.from_pretrained(tiny_qwen.folder())
    with pytest.raises(UnservableModel, match="standard deviations"):
        TorchBatchModel(bare, slots=2, acceleration=accelerated(Recorder(), Forgetful()))
    TorchBatchModel(bare, slots=2)


def test_steps_that_cannot_be_recorded_still_have_the_kernel(reference: Any) -> None:
    bare = AutoModelForCausalLM.from_pretrained(tiny_qwen.folder())
    kernel = Kernel()
    model = TorchBatchModel(bare, slots=3, acceleration=accelerated(None, kernel))
    kernel.longest.clear()
    jobs = prompts(4, (5, 40), 22)
    assert run(model, jobs, 8) == [generate(reference, job, 8) for job in jobs]
    assert min(kernel.longest) == 1
    assert max(kernel.longest) > 1


def test_alike_layers_are_compiled_once_for_each_size_and_without_a_break() -> None:
    counter = CompileCounter()
    bare = AutoModelForCausalLM.from_pretrained(tiny_qwen.folder())
    TorchBatchModel(bare, slots=4, acceleration=accelerated(Recorder(), Kernel(), counter))
    assert counter.frame_count == 3  # four, two and one rows; of two layers


SAMPLINGS = [
    Sampling(),
    Sampling(temperature=0.7),
    Sampling(temperature=1.3, top_k=20),
    Sampling(temperature=1.0, top_p=0.6),
    Sampling(temperature=1.0, top_k=1),
    Sampling(temperature=2.0, min_p=0.2),
    Sampling(temperature=0.9, top_k=50, top_p=0.9, min_p=0.01),
    Sampling(presence_penalty=1.5, frequency_penalty=0.5),
    Sampling(temperature=0.8, repetition_penalty=1.4),
]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("width", [96, 640, 131])
def test_tokens_are_chosen_as_numpy_chooses_them(seed: int, width: int) -> None:
    chance, numbers = random.Random(seed), np.random.default_rng(seed)
    choices = []
    for sampling_ in chance.sample(SAMPLINGS, len(SAMPLINGS)):
        history = [chance.randrange(width) for _ in range(12)]
        mask = numbers.integers(0, 1 << 32, width // 32 + 1, dtype=np.uint32) if chance.random() < 0.5 else None
        penalised = {id: history.count(id) for id in history} if sampling_.presence_penalty else None
        repeated = history if sampling_.repetition_penalty != 1 else ()
        top = chance.choice([None, 0, 3])
        choices.append(Choice(sampling_, chance.random(), mask, penalised, repeated, top))
    choices.append(Choice(Sampling(), allowed=np.zeros(width // 32 + 1, np.uint32)))  # allows nothing
    logits = numbers.normal(0, 2.5, (len(choices), width)).astype(np.float32)
    wanted = sampling.choose(logits, choices)
    found = torch_sampling.choose(torch.from_numpy(logits), choices)
    assert [token and token.id for token in found] == [token and token.id for token in wanted]
    for one, other in zip(found, wanted, strict=True):
        if isinstance(one, Token) and isinstance(other, Token) and other.logprob is not None:
            assert one.logprob == pytest.approx(other.logprob, abs=1e-5)
            assert [id for id, _ in one.top] == [id for id, _ in other.top]
            assert [value for _, value in one.top] == pytest.approx([value for _, value in other.top], abs=1e-5)
        else:
            assert one == other


def test_rows_that_are_plain_are_chosen_from_the_logits_as_they_are() -> None:
    logits = torch.tensor([[0.0, 3.0, 1.0], [float("nan")] * 3], dtype=torch.bfloat16)
    assert torch_sampling.choose(logits, [Choice(Sampling())] * 2) == [Token(1), None]
