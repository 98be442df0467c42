"""A tiny Qwen3 on onnxruntime behind the app, asked by the official OpenAI client: all between wire and weights."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import jsonschema
import openai
import pytest
import uvicorn

import tiny_qwen
from usher_agent.boxoffice.model import offered_tools
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.adapters.onnx_batch_model import OnnxBatchModel
from usher_inference.app import Deps, create_app
from usher_inference.chat.engine import ChatEngine, stop_ids
from usher_inference.chat.template import ChatTemplate
from usher_inference.chat.tokenizer import Tokenizer
from usher_inference.generation.grammars import Grammars
from usher_inference.generation.service import Batcher
from usher_inference.metrics import Metrics
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "s" * 40
USER: Any = [{"role": "user", "content": "two seats for tonight, <|im_end|> please"}]
# the box office's schemas are longer than this model's context: each tool on its own, described shortly
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": tool["function"]["name"], "parameters": tool["function"]["parameters"]}}
    for tool in offered_tools()
    if tool["function"]["name"] in {"get_event_info", "get_order", "release_hold"}
]


@pytest.fixture
async def client() -> AsyncIterator[openai.AsyncOpenAI]:
    folder = tiny_qwen.onnx()
    source = (folder / "tokenizer.json").read_text("utf-8")
    tokenizer, template = Tokenizer(source), ChatTemplate.from_folder(tiny_qwen.folder())
    batcher = Batcher(
        OnnxBatchModel(folder, slots=8, threads=1),
        Metrics().engine("tiny", "7"),
        grammars=Grammars(source, tiny_qwen.VOCABULARY, stop_ids(tokenizer, template)),
    )
    models = FixedModels((ChatEngine("tiny", "7", batcher, tokenizer, template),), SystemClock().now())
    app = create_app(Settings(), Deps(models, LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator()))
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(uvicorn.Config(app, log_config=None))
    serving = asyncio.create_task(server.serve([listener]))
    key = await LocalTokenSource("agent", SECRET).token("inference")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    async with openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0) as made:
        yield made
    server.should_exit = True
    await serving
    await batcher.close()


async def test_calls_streamed_and_whole_fit_their_schemas(client: openai.AsyncOpenAI) -> None:
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in TOOLS}

    async def whole(seed: int) -> list[tuple[str, str]]:
        answer = await client.chat.completions.create(
            model="tiny",
            messages=USER,
            tools=TOOLS[seed % 3 :][:1],
            tool_choice="required",
            parallel_tool_calls=False,
            temperature=1,
            seed=seed,
        )
        [choice] = answer.choices
        assert choice.finish_reason in {"tool_calls", "length"}
        return [(call.function.name, call.function.arguments) for call in choice.message.tool_calls or []]  # type: ignore[union-attr]

    async def streamed(seed: int) -> list[tuple[str, str]]:
        calls: list[list[str]] = []
        stream = await client.chat.completions.create(
            model="tiny",
            messages=USER,
            tools=TOOLS[seed % 3 :][:1],
            tool_choice={"type": "function", "function": {"name": TOOLS[seed % 3]["function"]["name"]}},
            parallel_tool_calls=False,
            temperature=1,
            seed=seed,
            stream=True,
        )
        async for chunk in stream:
            for piece in chunk.choices[0].delta.tool_calls or []:
                assert piece.function is not None
                if piece.function.name:
                    calls.append([piece.function.name, ""])
                calls[piece.index][1] += piece.function.arguments or ""
        return [(name, arguments) for name, arguments in calls]

    seeds = range(8)
    answers = await asyncio.gather(*map(whole, seeds), *map(streamed, seeds))
    assert answers[:8] == answers[8:]
    for seed, [(name, arguments)] in zip(seeds, answers[:8], strict=True):
        assert name == TOOLS[seed % 3]["function"]["name"]
        value = json.loads(arguments)
        if len(arguments) < 150:  # longer ones were cut off by the context
            jsonschema.validate(value, schemas[name])


async def test_json_schema_logprobs_usage_and_stops(client: openai.AsyncOpenAI) -> None:
    schema = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"]}
    wanted: Any = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    answer = await client.chat.completions.create(
        model="tiny", messages=USER, response_format=wanted, logprobs=True, top_logprobs=2
    )
    [choice] = answer.choices
    assert json.loads(choice.message.content or "")["city"] in {"Paris", "Rome"}
    assert choice.logprobs is not None
    written = b"".join(bytes(chance.bytes or []) for chance in choice.logprobs.content or [])
    assert written.decode() == choice.message.content
    assert answer.usage is not None
    assert answer.usage.completion_tokens == len(choice.logprobs.content or []) + 1
    letters = await client.chat.completions.create(
        model="tiny", messages=USER, max_tokens=60, temperature=1, seed=4, logprobs=True
    )
    assert letters.choices[0].logprobs is not None
    parts = [bytes(chance.bytes or []) for chance in letters.choices[0].logprobs.content or []]
    assert b"".join(parts).decode("utf-8", "replace").startswith(letters.choices[0].message.content or "")
    free = await client.chat.completions.create(model="tiny", messages=USER, max_tokens=40, temperature=1, seed=1)
    text = free.choices[0].message.content or ""
    assert len(text) > 8
    stop = text[4:6]
    cut = await client.chat.completions.create(
        model="tiny", messages=USER, max_tokens=40, temperature=1, seed=1, stop=stop
    )
    assert cut.choices[0].message.content == text[: text.index(stop)]
    assert cut.choices[0].finish_reason == "stop"
    assert cut.usage is not None
    assert cut.usage.completion_tokens < 40


async def test_what_cannot_be_answered_is_a_400(client: openai.AsyncOpenAI) -> None:
    long: Any = [{"role": "user", "content": "two seats " * 300}]
    with pytest.raises(openai.BadRequestError, match="at most 512 tokens") as refused:
        await client.chat.completions.create(model="tiny", messages=long)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "messages")
    odd: Any = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object", "not": {}}}}
    with pytest.raises(openai.BadRequestError, match="cannot be followed") as refused:
        await client.chat.completions.create(model="tiny", messages=USER, response_format=odd)
    assert refused.value.param == "response_format"
