"""VllmDecoder against a stand-in with vLLM's recorded signatures. vLLM itself needs a GPU and has never run here."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from unit.inference import vllm_stand_in as vllm
from usher_inference.adapters.vllm_decoder import VllmDecoder, load_vllm
from usher_inference.generation.model import Sampling, Token, TokenRequest
from usher_inference.metrics import Metrics
from usher_shared.errors import InvalidRequest, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout

STOP = 99
Piece = tuple[list[int], list[dict[int, vllm.Logprob]] | None]


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in vllm.modules().items():
        monkeypatch.setitem(sys.modules, name, module)


async def counting(prompt: list[int], _: vllm.SamplingParams) -> AsyncGenerator[Piece, None]:
    """Two tokens, one, and the stop."""
    last = prompt[-1]
    for ids in ([last + 1, last + 2], [last + 3], [STOP]):
        yield ids, None


def made(
    script: vllm.Script, *, most_at_once: int = 4, context: int = 32
) -> tuple[VllmDecoder, vllm.AsyncLLM, Metrics]:
    engine, metrics = vllm.AsyncLLM(script), Metrics()
    decoder = VllmDecoder(
        engine, metrics.engine("m", "v"), context_tokens=context, most_at_once=most_at_once, adapter=None
    )
    return decoder, engine, metrics


def wanted(**more: object) -> TokenRequest:
    return TokenRequest(**{"prompt": [1, 2, 3], "max_tokens": 8, "stop_ids": frozenset({STOP})} | more)  # type: ignore[arg-type]


async def read(decoder: VllmDecoder, request: TokenRequest) -> list[Token]:
    return [token async for token in decoder.decode(request)]


def measured(metrics: Metrics, name: str, **labels: str) -> float:
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        for sample in family.samples:
            if sample.name == f"usher_inference_{name}" and labels.items() <= sample.labels.items():
                return sample.value
    return 0.0


async def test_tokens_come_one_by_one_and_the_stop_is_the_last() -> None:
    decoder, engine, metrics = made(counting)
    tokens = await read(decoder, wanted())
    assert [token.id for token in tokens] == [4, 5, 6, STOP]
    assert [token.cached for token in tokens] == [3, 0, 0, 0]
    assert engine.aborted == []
    assert measured(metrics, "answers_total", outcome="stop") == 1
    assert measured(metrics, "batch_requests") == 0


async def test_everything_asked_reaches_vllm() -> None:
    decoder, engine, _ = made(counting)
    sampling = Sampling(0.7, 20, 0.8, 0.05, 7, 0.5, 0.25, 1.1)
    await read(decoder, wanted(sampling=sampling, grammar="start: /a+/", top_logprobs=None, max_tokens=500))
    [(prompt, params, _, adapter)] = engine.asked
    assert prompt == {"type": "token", "prompt_token_ids": [1, 2, 3]}
    assert adapter is None
    assert params == vllm.SamplingParams(
        temperature=0.7,
        top_k=20,
        top_p=0.8,
        min_p=0.05,
        seed=7,
        presence_penalty=0.5,
        frequency_penalty=0.25,
        repetition_penalty=1.1,
        max_tokens=29,  # what the context leaves
        stop_token_ids=[STOP],
        ignore_eos=True,
        detokenize=False,
        output_kind=vllm.RequestOutputKind.DELTA,
        structured_outputs=vllm.StructuredOutputsParams(grammar="start: /a+/"),
    )


async def test_log_probabilities_are_the_chosen_ones_and_the_likeliest() -> None:
    async def script(_: list[int], params: vllm.SamplingParams) -> AsyncGenerator[Piece, None]:
        assert params.logprobs == 2
        # vLLM adds the chosen token where it is not among the likeliest
        yield [7], [{7: vllm.Logprob(-4.0, 9), 1: vllm.Logprob(-0.5, 1), 2: vllm.Logprob(-1.5, 2)}]

    decoder, _, _ = made(script)
    assert await read(decoder, wanted(top_logprobs=2)) == [Token(7, -4.0, ((1, -0.5), (2, -1.5)), 3)]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (wanted(prompt=[]), "invalid_request"),
        (wanted(prompt=[1] * 32), "context_length_exceeded"),
        (wanted(sampling=Sampling(presence_penalty=5.0)), "invalid_request"),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_vllm_sees_it(request_: TokenRequest, code: str) -> None:
    decoder, engine, _ = made(counting)
    with pytest.raises(InvalidRequest) as refused:
        await read(decoder, request_)
    assert refused.value.code == code
    assert engine.asked == []
    await asyncio.wait_for(decoder.close(), 1)  # and nothing is counted as running


async def endless(prompt: list[int], _: vllm.SamplingParams) -> AsyncGenerator[Piece, None]:
    yield [prompt[0]], None
    await asyncio.Event().wait()


async def test_hanging_up_aborts_the_request() -> None:
    decoder, engine, metrics = made(endless)
    async with aclosing(decoder.decode(wanted())) as tokens:
        assert (await anext(tokens)).id == 1
    assert engine.aborted == [engine.asked[0][2]]
    assert measured(metrics, "answers_total", outcome="cancelled") == 1


async def test_a_cancelled_reader_aborts_the_request() -> None:
    decoder, engine, metrics = made(endless)
    first = asyncio.Event()

    async def reader() -> None:
        async for _ in decoder.decode(wanted()):
            first.set()

    task = asyncio.create_task(reader())
    await first.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert engine.aborted == [engine.asked[0][2]]
    assert measured(metrics, "answers_total", outcome="cancelled") == 1


async def test_a_deadline_ends_the_answer_and_aborts_the_request() -> None:
    decoder, engine, metrics = made(endless)
    with pytest.raises(UpstreamTimeout):
        await read(decoder, wanted(deadline_seconds=0.02))
    assert engine.aborted == [engine.asked[0][2]]
    assert measured(metrics, "answers_total", outcome="deadline") == 1


async def test_one_too_many_is_refused_with_a_time_to_come_back() -> None:
    decoder, engine, metrics = made(endless, most_at_once=2)
    held = [decoder.decode(wanted()) for _ in range(2)]
    for each in held:
        await anext(each)
    with pytest.raises(RateLimited) as refused:
        await read(decoder, wanted())
    assert refused.value.retry_after_seconds is not None
    assert len(engine.asked) == 2
    assert measured(metrics, "refusals_total", reason="queue_full") == 1
    await held[0].aclose()
    late = decoder.decode(wanted())
    assert (await anext(late)).id == 1
    for each in (held[1], late):
        await each.aclose()


@pytest.mark.parametrize(
    ("raised", "expected", "code"),
    [
        (vllm.VLLMValidationError("Grammar error: ..."), InvalidRequest, "invalid_grammar"),
        (vllm.EngineDeadError(), Unavailable, "model_broken"),
        (vllm.EngineGenerateError(), UpstreamFailed, "step_failed"),
    ],
)
async def test_vllms_errors_are_told_as_ours(
    raised: Exception, expected: type[InvalidRequest | Unavailable | UpstreamFailed], code: str
) -> None:
    async def script(_: list[int], __: vllm.SamplingParams) -> AsyncGenerator[Piece, None]:
        raise raised
        yield

    decoder, _, metrics = made(script)
    with pytest.raises(expected) as failed:
        await read(decoder, wanted(grammar="start: nothing"))
    assert failed.value.code == code
    assert measured(metrics, "answers_total", outcome="failed") == 1
    assert measured(metrics, "queue_length") == 0


async def test_closing_lets_answers_end_and_refuses_new_ones() -> None:
    go_on = asyncio.Event()

    async def script(_: list[int], __: vllm.SamplingParams) -> AsyncGenerator[Piece, None]:
        yield [5], None
        await go_on.wait()
        yield [STOP], None

    decoder, engine, _ = made(script)
    running = decoder.decode(wanted())
    await anext(running)
    closing = asyncio.create_task(decoder.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await read(decoder, wanted())
    assert not engine.shut
    go_on.set()
    assert [token.id async for token in running] == [STOP]
    await asyncio.wait_for(closing, 5)
    assert engine.shut


@pytest.mark.parametrize(("rank", "served"), [(4, 8), (8, 8), (24, 32)])
async def test_a_folder_and_its_adapter_are_loaded_as_asked(tmp_path: Path, rank: int, served: int) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"max_position_embeddings": 4096}))
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps({"r": rank}))
    metrics = Metrics().engine("m", "v")
    decoder = load_vllm(tmp_path, metrics, adapter=tmp_path / "adapter", precision="4bit", slots=8, context_tokens=8192)
    assert decoder.context_tokens == 4096
    engine = decoder._engine
    assert engine.args == vllm.AsyncEngineArgs(
        model=str(tmp_path),
        max_model_len=4096,
        max_num_seqs=8,
        quantization="bitsandbytes",
        structured_outputs_config=vllm.StructuredOutputsConfig("guidance"),
        generation_config="vllm",
        disable_log_stats=True,
        enable_lora=True,
        max_lora_rank=served,
    )
    engine.script = counting
    await read(decoder, wanted())
    assert engine.asked[0][3] == vllm.LoRARequest("adapter", 1, str(tmp_path / "adapter"))
