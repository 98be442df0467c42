"""What a request asks of its engine, and what is made of the engine's pieces."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.inference.scripted_engine import ANSWER, ScriptedEngine, ScriptedModels

from usher_inference.completions import service, wire
from usher_inference.completions.model import (
    CallPiece,
    ChatRequest,
    Delta,
    Finished,
    SamplingWishes,
    TextDelta,
    TokenChance,
    ToolCall,
    Usage,
)
from usher_inference.completions.ports import Served
from usher_inference.completions.prompts import read_prompt
from usher_inference.completions.stops import StopCutter
from usher_inference.generation.model import Sampling
from usher_shared.errors import InvalidRequest, NotFound, UpstreamFailed
from usher_shared.ids import SequentialIds

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DONE = Finished("stop", Usage(7, 2, 5))


def request(**fields: Any) -> ChatRequest:
    return ChatRequest.model_validate({"model": "scripted", "messages": [{"role": "user", "content": "hi"}], **fields})


async def whole(script: Sequence[Delta | Exception], **fields: Any) -> dict[str, Any]:
    models = ScriptedModels(ScriptedEngine(script))
    async with service.start(models, request(**fields), max_messages=10) as completion:
        return await wire.render_whole(completion, SequentialIds(), NOW)


async def streamed(script: Sequence[Delta | Exception], **fields: Any) -> list[dict[str, Any]]:
    models = ScriptedModels(ScriptedEngine(script))
    async with service.start(models, request(stream=True, **fields), max_messages=10) as completion:
        frames = [frame async for frame in await wire.open_stream(completion, SequentialIds(), NOW)]
    assert frames[-1] == b"data: [DONE]\n\n"
    return [orjson.loads(frame.removeprefix(b"data: ")) for frame in frames[:-1]]


def test_what_a_request_says_of_sampling_reaches_the_engine() -> None:
    said = {
        "temperature": 0.5,
        "top_k": 20,
        "top_p": 0.9,
        "min_p": 0.05,
        "seed": 7,
        "presence_penalty": 0.1,
        "frequency_penalty": 0.2,
        "repetition_penalty": 1.1,
    }
    prompt = read_prompt(request(**said, max_tokens=9, stop=["a", ""], parallel_tool_calls=False), max_messages=1)
    assert asdict(prompt.sampling) == said
    assert (prompt.max_tokens, prompt.stops, prompt.parallel_calls) == (9, ("a",), False)


def test_a_request_changes_no_more_of_the_release_than_it_says() -> None:
    release = Sampling(temperature=0.7, top_k=20, top_p=0.8)
    only = read_prompt(request(temperature=0.1), max_messages=1).sampling
    assert only.over(release) == Sampling(temperature=0.1, top_k=20, top_p=0.8)
    assert SamplingWishes().over(release) is release
    assert read_prompt(request(top_k=-1, top_p=0), max_messages=1).sampling == SamplingWishes(top_k=0, top_p=1e-6)


def test_log_probabilities_are_asked_for_as_openai_does() -> None:
    assert read_prompt(request(), max_messages=1).top_logprobs is None
    assert read_prompt(request(logprobs=False), max_messages=1).top_logprobs is None
    assert read_prompt(request(logprobs=True), max_messages=1).top_logprobs == 0
    assert read_prompt(request(logprobs=True, top_logprobs=3), max_messages=1).top_logprobs == 3


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"messages": [{"role": "user", "content": "hi"}] * 11}, "messages"),
        ({"response_format": {"type": "grammar"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"tool_choice": "required"}, "tool_choice"),
    ],
)
def test_what_nobody_serves_is_refused_by_its_field(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_prompt(request(**fields), max_messages=10)
    assert refused.value.extra["param"] == param


def test_json_without_a_schema_is_any_object() -> None:
    prompt = read_prompt(request(response_format={"type": "json_object"}), max_messages=1)
    assert prompt.json is not None
    assert prompt.json.definition == {"type": "object"}


async def test_the_engines_figures_are_the_answers() -> None:
    answer = await whole(ANSWER)
    assert answer["usage"] == {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "total_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 5},
    }
    assert answer["choices"][0]["message"]["content"] == "Good evening"


async def test_an_engine_that_does_not_finish_has_broken_off() -> None:
    with pytest.raises(UpstreamFailed, match="broke off"):
        await whole((TextDelta("Good "),))


async def test_calls_come_whole_or_in_pieces() -> None:
    script = (
        TextDelta("Let me see."),
        CallPiece(0, '{"ci', "search"),
        CallPiece(0, 'ty": "San'),
        CallPiece(0, ' José"}'),
        CallPiece(1, "", "orders"),
        CallPiece(1, "{}"),
        ToolCall("hold", {"seats": [1, 2]}),
        Finished("tool_calls", Usage(1, 2)),
    )
    [choice] = (await whole(script))["choices"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] == "Let me see."
    calls = [(c["function"]["name"], orjson.loads(c["function"]["arguments"])) for c in choice["message"]["tool_calls"]]
    assert calls == [("search", {"city": "San José"}), ("orders", {}), ("hold", {"seats": [1, 2]})]
    frames = [choice for frame in await streamed(script) for choice in frame["choices"]]
    pieces = [call for frame in frames for call in frame["delta"].get("tool_calls", ())]
    assert [p["index"] for p in pieces if "id" in p] == [0, 1, 2]
    assert len({p["id"] for p in pieces if "id" in p}) == 3
    gathered = ["".join(p["function"]["arguments"] for p in pieces if p["index"] == index) for index in range(3)]
    assert list(map(orjson.loads, gathered)) == [{"city": "San José"}, {}, {"seats": [1, 2]}]
    assert [p["function"]["arguments"] for p in pieces][:3] == ['{"ci', 'ty": "San', ' José"}']  # as they came
    assert frames[-1]["finish_reason"] == "tool_calls"


async def test_log_probabilities_of_whole_and_streamed_answers_agree() -> None:
    script = (
        TextDelta("Hé", (TokenChance("H", -0.5, (("H", -0.5), ("J", -1.5))), TokenChance("é", float("-inf")))),
        TextDelta("!", (TokenChance("!", -0.25),)),
        DONE,
    )
    content = (await whole(script, logprobs=True, top_logprobs=2))["choices"][0]["logprobs"]["content"]
    assert [(token["token"], token["logprob"], token["bytes"]) for token in content] == [
        ("H", -0.5, [72]),
        ("é", -9999.0, [195, 169]),
        ("!", -0.25, [33]),
    ]
    assert [top["token"] for top in content[0]["top_logprobs"]] == ["H", "J"]
    chunks = [c["choices"][0] for c in await streamed(script, logprobs=True, top_logprobs=2) if c["choices"]]
    assert [token for chunk in chunks if chunk["logprobs"] for token in chunk["logprobs"]["content"]] == content
    assert (await whole(script))["choices"][0]["logprobs"] is None


@pytest.mark.parametrize("tail", [(DONE,), (TextDelta(" and more"), DONE)], ids=["ends itself", "goes on"])
async def test_a_stop_text_ends_the_answer_and_the_work(tail: tuple[Delta, ...]) -> None:
    engine = ScriptedEngine((TextDelta("one two ST"), TextDelta("OP three"), *tail))
    async with service.start(ScriptedModels(engine), request(stop="STOP"), max_messages=1) as completion:
        answer = await wire.render_whole(completion, SequentialIds(), NOW)
    assert answer["choices"][0]["message"]["content"] == "one two "
    assert answer["choices"][0]["finish_reason"] == "stop"
    # the engine's figures where it has them, else by its measure: one word of the question, four around it, two said
    expected = (7, 2) if tail == (DONE,) else (5, 2)
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == expected
    assert engine.closed == 1


@given(
    text=st.text("abST ", max_size=30),
    stops=st.lists(st.text("abST", min_size=1, max_size=4), min_size=1, max_size=3),
    cuts=st.lists(st.integers(0, 30), max_size=8),
)
def test_stops_are_met_however_the_text_comes(text: str, stops: list[str], cuts: list[int]) -> None:
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    cutter = StopCutter(tuple(stops))
    sent, tokens = "", ""
    for begin, end in itertools.pairwise(edges):
        piece = text[begin:end]
        ready = cutter.feed(TextDelta(piece, tuple(TokenChance(letter, -1.0) for letter in piece)))
        sent += ready.text
        tokens += "".join(chance.text for chance in ready.chances)
        if cutter.met:
            break
    else:
        rest = cutter.rest()
        sent += rest.text
        tokens += "".join(chance.text for chance in rest.chances)
    # in pieces the first stop text to be whole ends it, which never lets more through than the text has before one
    places = [at for stop in stops if (at := text.find(stop)) >= 0]
    assert cutter.met == bool(places)
    assert text.startswith(sent)
    assert not any(stop in sent for stop in stops)
    assert len(sent) in (places or [len(text)])
    assert tokens == sent


class _CountedModels:
    """Models that count who holds an engine."""

    def __init__(self, engine: ScriptedEngine) -> None:
        self._engine = engine
        self.held = 0

    @contextmanager
    def lease(self, model: str, conversation_id: str | None) -> Iterator[Served]:
        if model != self._engine.model:
            raise NotFound("no such model")
        self.held += 1
        try:
            yield Served(self._engine, "default", NOW)
        finally:
            self.held -= 1

    def all(self) -> Sequence[Served]:
        return ()


async def test_the_engine_is_held_to_the_end_and_given_back_once() -> None:
    models = _CountedModels(ScriptedEngine())
    completion = service.start(models, request(), max_messages=1)
    deltas = completion.deltas()
    await anext(deltas)
    assert models.held == 1
    await completion.close()
    await completion.close()
    assert models.held == 0


async def test_a_refused_request_holds_nothing() -> None:
    models = _CountedModels(ScriptedEngine())
    with pytest.raises(InvalidRequest):
        service.start(models, request(n=2), max_messages=1)
    with pytest.raises(NotFound):
        service.start(models, request(model="another"), max_messages=1)
    assert models.held == 0
