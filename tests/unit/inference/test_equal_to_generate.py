"""What clients get over HTTP, many at once, is what transformers' `generate` says alone, token for token.

By every kind of engine that runs here, with and without a LoRA adapter, streamed and whole.
"""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import openai
import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

import tiny_qwen
from served import Served, free_port
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import Deps, create_app
from usher_inference.engine_loading import EngineFactory
from usher_inference.metrics import Metrics
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.contracts.releases import Release
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "s" * 40
LONGEST = 24  # tokens of an answer
WORDS = ("two", "tickets", "for the", "concert", "tonight", "row", "section", "price", "évènement", "🎟️", "12", "?")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def conversations() -> list[list[dict[str, str]]]:
    """Of one word to some hundred tokens; some go on from others."""
    chance = random.Random(3)
    found = []
    for turns in (1, 1, 1, 1, 1, 1, 3, 3, 3, 5):
        said = [" ".join(chance.choices(WORDS, k=chance.randint(1, 40 // turns))) for _ in range(turns)]
        found.append([{"role": "assistant" if at % 2 else "user", "content": text} for at, text in enumerate(said)])
    return [*found, *([*talk, {"role": "assistant", "content": "Yes."}, talk[0]] for talk in found[:4])]


def reference(adapter: Path | None) -> list[tuple[str, int]]:
    """What transformers answers to each conversation, alone, and in how many tokens."""
    tokenizer = AutoTokenizer.from_pretrained(tiny_qwen.folder())
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_qwen.folder())
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    found = []
    for talk in conversations():
        prompt = tokenizer.apply_chat_template(talk, add_generation_prompt=True, return_tensors="pt", return_dict=True)
        answer = model.generate(**prompt, max_new_tokens=LONGEST, do_sample=False)[0, prompt["input_ids"].shape[1] :]
        text = tokenizer.decode(answer, skip_special_tokens=True)
        # a call where no tools were offered is not sent
        found.append((text.partition("<tool_call>")[0], len(answer)))
    return found


@asynccontextmanager
async def serving(
    folder: Path, engine: str, adapter: str | None = None, **how: Any
) -> AsyncIterator[openai.AsyncOpenAI]:
    settings = Settings(engine_slots=6, engine_threads=1, engine_prefill_tokens=48, engine_queue=64, **how)
    release = Release.model_validate(
        {"version": "1", "model": "m", "engine": engine, "adapter": adapter, "created_at": "2026-11-21T00:00:00Z"}
    )
    loaded = await EngineFactory(settings, Metrics()).load(release, folder)
    models = FixedModels((loaded.engine,), SystemClock().now())
    deps = Deps(models, LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator())
    server = Served(lambda: create_app(settings, deps), free_port())
    await server.start()
    key = await LocalTokenSource("agent", SECRET).token("inference")
    try:
        async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0) as client:
            yield client
    finally:
        await server.stop()
        await loaded.close()


async def ask(client: openai.AsyncOpenAI, talk: Any, streamed: bool) -> tuple[str, int]:
    if not streamed:
        answer = await client.chat.completions.create(model="m", messages=talk, max_tokens=LONGEST, temperature=0)
        assert answer.usage is not None
        return answer.choices[0].message.content or "", answer.usage.completion_tokens
    text, tokens = "", 0
    async for chunk in await client.chat.completions.create(
        model="m",
        messages=talk,
        max_tokens=LONGEST,
        temperature=0,
        stream=True,
        stream_options={"include_usage": True},
    ):
        text += "".join(choice.delta.content or "" for choice in chunk.choices)
        tokens = chunk.usage.completion_tokens if chunk.usage else tokens
    return text, tokens


Kind = Literal["onnx", "transformers"]


@pytest.mark.parametrize("kind", ["onnx", "transformers"])
async def test_without_an_adapter(kind: Kind) -> None:
    folder = tiny_qwen.onnx() if kind == "onnx" else tiny_qwen.folder()
    async with serving(folder, kind) as client:
        await holds(client, reference(None))


@pytest.mark.parametrize("how", ["converted", "merged", "attached"])
async def test_with_an_adapter(how: str, tmp_path: Path) -> None:
    wanted = reference(tiny_qwen.adapter())
    assert wanted != reference(None)
    if how == "converted":
        async with serving(tiny_qwen.onnx_merged(), "onnx") as client:
            await holds(client, wanted)
        return
    folder = tmp_path / "model"
    shutil.copytree(tiny_qwen.folder(), folder)
    shutil.copytree(tiny_qwen.adapter(), folder / "adapter")
    async with serving(folder, "transformers", "adapter", engine_merge_adapter=how == "merged") as client:
        await holds(client, wanted)


async def holds(client: openai.AsyncOpenAI, wanted: list[tuple[str, int]]) -> None:
    talks = conversations()
    every = [(at, streamed) for at in range(len(talks)) for streamed in (False, True)]
    random.Random(5).shuffle(every)
    found = await asyncio.gather(*(ask(client, talks[at], streamed) for at, streamed in every))
    assert list(map(whole, found)) == [whole(wanted[at]) for at, _ in every]


def whole(answer: tuple[str, int]) -> tuple[str, int]:
    """Without the character that the last token may leave half, which is not sent."""
    return answer[0].rstrip("\ufffd"), answer[1]
