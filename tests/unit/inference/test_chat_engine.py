"""A chat engine as completions see it, over decoders that are scripted and over one that is real."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny_qwen
from scripted_decoder import ScriptedDecoder
from usher_inference.chat.engine import ChatEngine, stop_ids
from usher_inference.chat.template import ChatTemplate
from usher_inference.chat.tokenizer import Tokenizer
from usher_inference.completions.model import (
    CallPiece,
    Delta,
    Finished,
    FunctionCall,
    FunctionSpec,
    JsonSchema,
    Message,
    Prompt,
    SamplingWishes,
    TextDelta,
    ToolCallMessage,
    Usage,
)
from usher_inference.generation.grammars import Grammars
from usher_inference.generation.model import Sampling
from usher_inference.generation.ports import Decoder
from usher_inference.generation.service import Batcher
from usher_inference.metrics import Metrics
from usher_shared.errors import InvalidRequest, Unavailable

USER = [Message(role="user", content="hi")]
TOOL = FunctionSpec(
    name="hold",
    parameters={
        "type": "object",
        "properties": {"seats": {"type": "array", "items": {"enum": ["A-1", "A-2"]}, "minItems": 1, "maxItems": 2}},
        "required": ["seats"],
    },
)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_folder(tiny_qwen.folder())


@pytest.fixture(scope="module")
def template() -> ChatTemplate:
    return ChatTemplate.from_folder(tiny_qwen.folder())


class Stage:
    """An engine that says what it is told."""

    def __init__(self, tokenizer: Tokenizer, template: ChatTemplate, **settings: Any) -> None:
        self.tokenizer, self.template, self.settings = tokenizer, template, settings
        self.decoder = ScriptedDecoder()

    def engine(self, text: str, *, ends: bool = True, **how: Any) -> ChatEngine:
        return self.engine_of(self.tokenizer.encode(text), ends=ends, **how)

    def engine_of(self, ids: list[int], *, ends: bool = True, **how: Any) -> ChatEngine:
        end = self.tokenizer.id_of("<|im_end|>")
        assert end is not None
        self.decoder = ScriptedDecoder([*ids, *([end] if ends else [])], **how)
        return ChatEngine("tiny", "7", self.decoder, self.tokenizer, self.template, **self.settings)


@pytest.fixture
def stage(tokenizer: Tokenizer, template: ChatTemplate) -> Stage:
    return Stage(tokenizer, template)


async def collect(engine: ChatEngine, prompt: Prompt) -> list[Delta]:
    return [piece async for piece in engine.generate(prompt)]


def text_of(pieces: list[Delta]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, TextDelta))


async def test_an_answer_with_its_usage(stage: Stage, tokenizer: Tokenizer) -> None:
    pieces = await collect(stage.engine("Grüße, 🎟️ for you."), Prompt(USER))
    assert text_of(pieces) == "Grüße, 🎟️ for you."
    [request] = stage.decoder.requests
    said = len(tokenizer.encode("Grüße, 🎟️ for you.")) + 1  # with the end of the turn
    assert pieces[-1] == Finished("stop", Usage(len(request.prompt), said, 7))
    assert request.grammar is None
    assert request.max_tokens == 4096 - len(request.prompt)
    assert {tokenizer.text_of(id) for id in request.stop_ids} == {"<|im_end|>", "<|endoftext|>"}


async def test_words_and_calls(stage: Stage) -> None:
    answer = 'Sure.\n<tool_call>\n{"name": "hold", "arguments": {"seats": ["A-1"]}}\n</tool_call>'
    pieces = await collect(stage.engine(answer), Prompt(USER, [TOOL]))
    assert text_of(pieces) == "Sure."
    calls = [piece for piece in pieces if isinstance(piece, CallPiece)]
    assert (calls[0].name, calls[0].index) == ("hold", 0)
    assert json.loads("".join(call.arguments for call in calls)) == {"seats": ["A-1"]}
    assert isinstance(pieces[-1], Finished)
    assert pieces[-1].reason == "tool_calls"
    assert "<[" in (stage.decoder.requests[0].grammar or "")


@settings(deadline=None)
@given(st.lists(st.integers(0, 200), max_size=30))
async def test_how_an_answer_is_cut_into_tokens_changes_nothing(
    tokenizer: Tokenizer, template: ChatTemplate, cuts: list[int]
) -> None:
    answer = 'Grüße 🎟️ <b>.\n<tool_call>\n{"name": "hold", "arguments": {"seats": ["A-1", "é🎭"]}}\n</tool_call>\nDone.'
    ids: list[int] = []
    for word in re.split(r"(</?tool_call>)", answer):
        places = [0, *sorted(cut % (len(word) + 1) for cut in cuts if not word.endswith("call>")), len(word)]
        for start, end in itertools.pairwise(places):
            ids += tokenizer.encode(word[start:end])
    stage = Stage(tokenizer, template)
    pieces = await collect(stage.engine_of(ids), Prompt(USER, [TOOL]))
    assert text_of(pieces) == "Grüße 🎟️ <b>.\nDone."
    assert "".join(p.arguments for p in pieces if isinstance(p, CallPiece)) == '{"seats": ["A-1", "é🎭"]}'


async def test_a_call_stands_in_the_history_as_it_was_written(stage: Stage, tokenizer: Tokenizer) -> None:
    """So what a cache holds of a conversation is a beginning of its next prompt."""
    said = '{"seats": ["A-1", "é <b>"], "more": {"a": 1.5, "b": null}}'
    answer = f'<tool_call>\n{{"name": "hold", "arguments": {said}}}\n</tool_call>'
    pieces = await collect(stage.engine(answer), Prompt(USER, [TOOL]))
    [first] = stage.decoder.requests
    arguments = "".join(piece.arguments for piece in pieces if isinstance(piece, CallPiece))
    call = ToolCallMessage(id="call_1", function=FunctionCall(name="hold", arguments=arguments))
    history = [*USER, Message(role="assistant", tool_calls=[call]), Message(role="tool", content="{}")]
    await collect(stage.engine("ok"), Prompt(history, [TOOL]))
    [second] = stage.decoder.requests
    before = [*first.prompt, *tokenizer.encode(answer + "<|im_end|>")]
    assert list(second.prompt[: len(before)]) == before


async def test_a_model_without_tools_says_so(tokenizer: Tokenizer) -> None:
    stage = Stage(tokenizer, ChatTemplate("{{ messages[0].content }}"))
    with pytest.raises(InvalidRequest, match="tools"):
        await collect(stage.engine("ok"), Prompt(USER, [TOOL]))


async def test_the_token_limit(stage: Stage) -> None:
    engine = stage.engine("one two three four five six", ends=False)
    *_, last = await collect(engine, Prompt(USER, max_tokens=3))
    assert isinstance(last, Finished)
    assert (last.reason, last.usage.completion_tokens) == ("length", 3)


async def test_a_stop_text_ends_the_work(stage: Stage) -> None:
    pieces = await collect(stage.engine("one two three four five six"), Prompt(USER, stops=("o th", "never")))
    assert "one two" in text_of(pieces)
    assert "four" not in text_of(pieces)
    assert isinstance(pieces[-1], Finished)
    assert pieces[-1].reason == "stop"
    assert stage.decoder.closed_early == 1


async def test_closing_early_cancels(stage: Stage) -> None:
    async with aclosing(stage.engine("one two three").generate(Prompt(USER))) as pieces:  # type: ignore[type-var]
        await anext(pieces)
        assert stage.decoder.closed_early == 0
    assert stage.decoder.closed_early == 1


@pytest.mark.parametrize("max_tokens", [None, 1])
async def test_a_prompt_over_the_context_is_a_clear_400(
    tokenizer: Tokenizer, template: ChatTemplate, max_tokens: int | None
) -> None:
    long, metrics = [Message(role="user", content="two seats " * 300)], Metrics()
    async with onnx_engine(tokenizer, template, metrics) as engine:
        with pytest.raises(InvalidRequest, match=r"at most 512 tokens together.* are \d{3}") as refused:
            await collect(engine, Prompt(long, max_tokens=max_tokens))
    assert (refused.value.code, refused.value.extra["param"]) == ("context_length_exceeded", "messages")
    assert re.search(rb'refusals_total{.*reason="too_long".*} 1.0', metrics.exposition())


async def test_a_prompt_far_over_the_context_is_refused_unread(
    stage: Stage, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, read = stage.engine("ok", context_tokens=60), list[str]()

    def encode(text: str) -> list[int]:
        read.append(text)
        return []

    monkeypatch.setattr(tokenizer, "encode", encode)
    with pytest.raises(InvalidRequest, match="at most 60 tokens together") as refused:
        await collect(engine, Prompt([Message(role="user", content="two seats " * 100_000)]))
    assert (refused.value.code, refused.value.extra["param"]) == ("context_length_exceeded", "messages")
    assert not read
    assert not stage.decoder.requests


async def test_the_answer_may_fill_the_context_and_no_more(stage: Stage, tokenizer: Tokenizer) -> None:
    engine = stage.engine("ok", context_tokens=60)
    await collect(engine, Prompt(USER, max_tokens=1_000_000))
    [request] = stage.decoder.requests
    assert len(request.prompt) + request.max_tokens == 60


async def test_logarithms_of_probability_come_with_their_text(stage: Stage, tokenizer: Tokenizer) -> None:
    answer = '<think>hm, hm</think>\n\nGü 🎟️ ok <tool_call>\n{"name": "hold", "arguments": {"seats": []}}\n</tool_call>'
    pieces = await collect(stage.engine(answer, chances=True), Prompt(USER, [TOOL], top_logprobs=2))
    chances = [chance for piece in pieces if isinstance(piece, TextDelta) for chance in piece.chances]
    written = b"".join(chance.text.encode("utf-8", "surrogateescape") for chance in chances).decode()
    assert written.strip() == text_of(pieces) == "Gü 🎟️ ok"
    assert all(chance.text == chance.top[0][0] for chance in chances)
    assert all(chance.logprob == -0.25 and len(chance.top) == 2 for chance in chances)
    assert stage.decoder.requests[0].top_logprobs == 2


@pytest.mark.parametrize("ends", [True, False])
async def test_a_character_cut_in_the_middle_keeps_its_logarithms(
    stage: Stage, tokenizer: Tokenizer, ends: bool
) -> None:
    ids = tokenizer.encode("ok \U00010348")  # rare: no token of its own
    cut = len(ids) - 1
    engine = stage.engine_of(ids[:cut], ends=ends, chances=True)
    pieces = await collect(engine, Prompt(USER, max_tokens=None if ends else cut, top_logprobs=1))
    chances = [chance for piece in pieces if isinstance(piece, TextDelta) for chance in piece.chances]
    assert [chance.text for chance in chances] == [tokenizer.text_of(id) for id in ids[:cut]]
    assert text_of(pieces) == "ok \ufffd"


async def test_what_a_release_says_counts_where_the_request_is_silent(
    tokenizer: Tokenizer, template: ChatTemplate
) -> None:
    tuned = Sampling(temperature=0.7, top_k=20, seed=3)
    stage = Stage(tokenizer, template, sampling=tuned, system_prompt="You are Usher.")
    wishes = SamplingWishes(temperature=0.0)
    await collect(stage.engine("ok"), Prompt(USER, sampling=wishes, deadline_seconds=2.5))
    [request] = stage.decoder.requests
    assert request.sampling == Sampling(temperature=0.0, top_k=20, seed=3)
    assert request.deadline_seconds == 2.5
    assert "You are Usher." in "".join(map(tokenizer.text_of, request.prompt))


async def test_a_thinking_model_shows_its_answer_alone(tokenizer: Tokenizer) -> None:
    source = "{{ messages[0].content }}<|im_start|>assistant\n<think>\n"
    stage = Stage(tokenizer, ChatTemplate(source, {"eos_token": "<|im_end|>"}))
    pieces = await collect(stage.engine("hm hm\n</think>\n\nHere."), Prompt(USER, json=JsonSchema(name="a")))
    assert text_of(pieces) == "Here."
    assert "thought" in (stage.decoder.requests[0].grammar or "")


@pytest.mark.parametrize(
    "normalizer", [{"type": "NFKC"}, {"type": "Replace", "pattern": {"String": "\u200b"}, "content": ""}]
)
def test_a_tokenizer_that_undoes_the_guard_is_refused(template: ChatTemplate, normalizer: dict[str, Any]) -> None:
    source = json.loads((tiny_qwen.folder() / "tokenizer.json").read_text("utf-8"))
    source["normalizer"] = normalizer
    Stage(Tokenizer(json.dumps(source)), template).engine("ok")  # Qwen's control tokens are read before
    for token in source["added_tokens"]:
        token["normalized"] = True
    with pytest.raises(Unavailable, match="nothing but text"):
        Stage(Tokenizer(json.dumps(source)), template).engine("ok")


def test_counting_takes_no_control_tokens(stage: Stage, tokenizer: Tokenizer) -> None:
    engine = stage.engine("")
    assert engine.count_tokens("two seats") == len(tokenizer.encode("two seats"))
    assert engine.count_tokens("<|im_end|>") > 1


@asynccontextmanager
async def onnx_engine(
    tokenizer: Tokenizer, template: ChatTemplate, metrics: Metrics | None = None
) -> AsyncIterator[ChatEngine]:
    from usher_inference.adapters.onnx_batch_model import OnnxBatchModel

    folder = tiny_qwen.onnx()
    model = OnnxBatchModel(folder, slots=4, threads=1)
    source = (folder / "tokenizer.json").read_text("utf-8")
    grammars = Grammars(source, tiny_qwen.VOCABULARY, stop_ids(tokenizer, template))
    decoder: Decoder = Batcher(model, (metrics or Metrics()).engine("tiny", "7"), grammars=grammars)
    try:
        yield ChatEngine("tiny", "7", decoder, tokenizer, template)
    finally:
        await decoder.close()


async def test_the_same_words_as_transformers_generate(tokenizer: Tokenizer, template: ChatTemplate) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(tiny_qwen.folder())
    theirs = AutoTokenizer.from_pretrained(tiny_qwen.folder())
    words = ["hi", "Two tickets for tonight, please. 🎟️", "and? " * 60, "Grüße\n\naus Köln", "1", "seat row 12 " * 9]
    async with onnx_engine(tokenizer, template) as engine:
        prompts = [Prompt([Message(role="user", content=text)], max_tokens=24) for text in words]
        ours = await asyncio.gather(*(collect(engine, prompt) for prompt in prompts))
    for text, pieces in zip(words, ours, strict=True):
        read = theirs.apply_chat_template(
            [{"role": "user", "content": text}], add_generation_prompt=True, return_tensors="pt", return_dict=True
        )
        written = model.generate(**read, max_new_tokens=24, do_sample=False)[0, read["input_ids"].shape[1] :]
        expected = theirs.decode(written, skip_special_tokens=True)
        for tag in tiny_qwen.MARKS:
            assert tag not in expected
        assert text_of(pieces) == expected
        assert isinstance(pieces[-1], Finished)
        assert pieces[-1].usage.completion_tokens == len(written)
        assert pieces[-1].usage.prompt_tokens == read["input_ids"].shape[1]


async def test_a_real_model_calls_tools_and_writes_json_as_its_schemas_say(
    tokenizer: Tokenizer, template: ChatTemplate
) -> None:
    """The weights are random: only the grammar keeps these answers in order."""
    schema = {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "Rome"]}, "ok": {"type": "boolean"}},
        "required": ["city", "ok"],
        "additionalProperties": False,
    }
    sampling = SamplingWishes(temperature=1.0, seed=5)
    async with onnx_engine(tokenizer, template) as engine:
        forced = Prompt(USER, [TOOL], forced=True, parallel_calls=False, sampling=sampling)
        json_only = Prompt(USER, json=JsonSchema(name="answer", schema=schema), sampling=sampling)
        plain = Prompt(USER, sampling=sampling, max_tokens=20, top_logprobs=3)
        called, wrote, said, again = await asyncio.gather(
            *(collect(engine, prompt) for prompt in (forced, json_only, plain, plain))
        )
    calls = [piece for piece in called if isinstance(piece, CallPiece)]
    assert [call.name for call in calls if call.name] == ["hold"]
    [seats] = json.loads("".join(call.arguments for call in calls)).values()
    assert set(seats) <= {"A-1", "A-2"}
    assert json.loads(text_of(wrote)).keys() == {"city", "ok"}
    assert said[:-1] == again[:-1]
    chances = [chance for piece in said if isinstance(piece, TextDelta) for chance in piece.chances]
    assert chances
    assert all(len(chance.top) == 3 for chance in chances)
