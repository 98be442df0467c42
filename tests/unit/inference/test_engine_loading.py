"""Releases of each kind of engine, made by their programs' own files, swapped while they answer."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2.sandbox
import pytest
import tokenizers
from tests.unit.inference.released import serving

import tiny_qwen
from usher_inference.engine_loading import EngineFactory, serve_releases
from usher_inference.metrics import Metrics
from usher_inference.releases.service import ReleasedModels
from usher_inference.settings import Settings
from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.artifacts.releases import Releases
from usher_shared.clock import SystemClock
from usher_shared.contracts.releases import Release
from usher_shared.errors import UsherError

MODEL = "tiny"
SETTINGS = Settings(engine_slots=8, engine_context_tokens=256, engine_threads=1, releases_poll_seconds=0)
ASK = {"model": MODEL, "messages": [{"role": "user", "content": "two tickets tonight"}], "max_tokens": 24}


def models_of(root: Path, settings: Settings = SETTINGS) -> ReleasedModels:
    store = FolderArtifactStore(root / "store")
    return serve_releases(settings, store, root / "cache", SystemClock(), Metrics())


async def publish(root: Path, version: str, folder: Path, engine: str, **fields: Any) -> None:
    days = len(list((root / "store" / "releases").iterdir())) if (root / "store" / "releases").exists() else 0
    release = Release.model_validate(
        {
            "version": version,
            "model": MODEL,
            "engine": engine,
            "created_at": datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=days),
        }
        | fields
    )
    await Releases(FolderArtifactStore(root / "store")).publish(release, folder)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def adapted(root: Path) -> Path:
    """The base model with the adapter beside it, as a trainer that does not merge leaves them."""
    target = root / "adapted"
    shutil.copytree(tiny_qwen.folder(), target)
    shutil.copytree(tiny_qwen.adapter(), target / "lora")
    return target


async def test_the_kinds_answer_alike_and_the_adapter_counts(tmp_path: Path) -> None:
    await publish(tmp_path, "onnx", tiny_qwen.onnx(), "onnx")
    await publish(tmp_path, "onnx-merged", tiny_qwen.onnx_merged(), "onnx")
    await publish(tmp_path, "torch", tiny_qwen.folder(), "transformers")
    await publish(tmp_path, "torch-adapted", adapted(tmp_path), "transformers", adapter="lora")
    said: dict[str, str] = {}
    models = models_of(tmp_path)
    async with serving(models, SETTINGS) as client:
        for version in ("onnx", "onnx-merged", "torch", "torch-adapted"):
            status, swap = await client.call("POST", "/reload", {"version": version})
            assert status == 200, swap
            status, answer = await client.call("POST", "/v1/chat/completions", ASK)
            assert (status, answer["system_fingerprint"]) == (200, f"{MODEL}-{version}")
            said[version] = answer["choices"][0]["message"]["content"]
    assert said["onnx"] == said["torch"]
    assert said["onnx-merged"] == said["torch-adapted"]
    assert said["onnx"] != said["onnx-merged"]


async def test_swaps_of_real_models_under_load_mix_nothing(tmp_path: Path) -> None:
    """Every answer is, to the last character, what the release that it names says alone."""
    folders = {"plain": tiny_qwen.onnx(), "tuned": tiny_qwen.onnx_merged()}
    for version, folder in folders.items():
        await publish(tmp_path, version, folder, "onnx")
    questions = [f"{n} tickets for the concert in row {n}" for n in range(8)]
    models = models_of(tmp_path)
    async with serving(models, SETTINGS) as client:

        async def ask(question: str) -> tuple[str, str]:
            body = ASK | {"messages": [{"role": "user", "content": question}]}
            status, answer = await client.call("POST", "/v1/chat/completions", body)
            assert status == 200, answer
            return answer["system_fingerprint"].removeprefix(f"{MODEL}-"), answer["choices"][0]["message"]["content"]

        alone: dict[str, dict[str, str]] = {}
        for version in folders:
            await client.call("POST", "/reload", {"version": version})
            alone[version] = {question: (await ask(question))[1] for question in questions}
        assert all(alone["plain"][question] != alone["tuned"][question] for question in questions)

        is_over = asyncio.Event()
        met: set[str] = set()

        async def customer(question: str) -> int:
            asked = 0
            while not is_over.is_set():
                version, text = await ask(question)
                assert text == alone[version][question]
                met.add(version)
                asked += 1
            return asked

        customers = [asyncio.create_task(customer(question)) for question in questions]
        for swap in range(6):
            version = ("plain", "tuned")[swap % 2]
            status, answer = await client.call("POST", "/reload", {"version": version})
            assert status == 200, answer
        is_over.set()
        assert all(await asyncio.gather(*customers))
        assert met == {"plain", "tuned"}


def leading_outside(root: Path) -> Path:
    """Its configuration names a graph that the release does not have: it lies beside the folder, and would load."""
    target = root / "leading-outside"
    shutil.copytree(tiny_qwen.onnx(), target)
    config = json.loads((target / "genai_config.json").read_bytes())
    config["model"]["decoder"]["filename"] = str(tiny_qwen.onnx() / config["model"]["decoder"]["filename"])
    (target / "genai_config.json").write_text(json.dumps(config))
    return target


async def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    await publish(tmp_path, "good", tiny_qwen.onnx(), "onnx")
    models = models_of(tmp_path)
    async with serving(models, SETTINGS) as client:
        await models.look()
        without_graph = tmp_path / "without-graph"
        shutil.copytree(tiny_qwen.onnx(), without_graph, ignore=shutil.ignore_patterns("*.onnx*"))
        without_tokenizer = tmp_path / "without-tokenizer"
        shutil.copytree(tiny_qwen.folder(), without_tokenizer, ignore=shutil.ignore_patterns("tokenizer.json"))
        for version, folder, engine, fields in (
            ("graph", without_graph, "onnx", {}),
            ("tokenizer", without_tokenizer, "transformers", {}),
            ("leading-outside", leading_outside(tmp_path), "onnx", {}),
            ("kind", tiny_qwen.onnx(), "vllm", {}),
        ):
            await publish(tmp_path, version, folder, engine, **fields)
            status, problem = await client.call("POST", "/reload", {"version": version})
            assert (status, problem["stage"]) == (422, "load"), (version, problem)
        assert "usher-inference[vllm]" in problem["detail"]
        status, answer = await client.call("POST", "/v1/chat/completions", ASK)
        assert answer["system_fingerprint"] == f"{MODEL}-good"


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("tokenizer.json", "{\n", "tokenizer.json cannot be read: EOF while parsing"),
        ("tokenizer.json", None, "tokenizer.json is missing"),
        ("tokenizer_config.json", "{", "tokenizer_config.json cannot be read"),
        ("genai_config.json", "{}", "genai_config.json has no model.context_length"),
        ("genai_config.json", "no", "genai_config.json cannot be read"),
        ("genai_config.json", None, "genai_config.json is missing"),
    ],
)
async def test_a_refusal_names_the_file(tmp_path: Path, file: str, content: str | None, why: str) -> None:
    folder = tmp_path / "made"
    shutil.copytree(tiny_qwen.onnx(), folder)
    (folder / file).unlink()
    if content is not None:
        (folder / file).write_text(content)
    loading = EngineFactory(SETTINGS, Metrics())
    release = Release(version="v1", model=MODEL, engine="onnx", created_at=datetime(2026, 11, 1, tzinfo=UTC))
    with pytest.raises(UsherError) as refused:
        await loading.load(release, folder)
    assert why in refused.value.detail
    assert str(tmp_path) not in refused.value.detail


async def test_a_model_whose_tokenizer_is_unsafe_leaves_no_decoder_behind(tmp_path: Path) -> None:
    """That it undoes the guard is found when the model is loaded."""

    def decoders() -> int:
        return sum(thread.name == "batcher" for thread in threading.enumerate())

    unsafe = tmp_path / "unsafe"
    shutil.copytree(tiny_qwen.onnx(), unsafe)
    tokenizer = json.loads((unsafe / "tokenizer.json").read_bytes())
    tokenizer["normalizer"] = {"type": "Replace", "pattern": {"String": "\u200b"}, "content": ""}
    for token in tokenizer["added_tokens"]:
        token["normalized"] = True
    (unsafe / "tokenizer.json").write_text(json.dumps(tokenizer))
    await publish(tmp_path, "good", tiny_qwen.onnx(), "onnx")
    await publish(tmp_path, "unsafe", unsafe, "onnx")
    before = decoders()
    models = models_of(tmp_path)
    async with serving(models, SETTINGS) as client:
        await models.reload("good")
        assert decoders() == before + 1
        status, problem = await client.call("POST", "/reload", {"version": "unsafe"})
        assert (status, problem["stage"]) == (422, "load"), problem
        assert "where nothing but text is written" in problem["detail"]
        assert decoders() == before + 1


async def test_tokenizer_and_template_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    parse = tokenizers.Tokenizer.from_str

    def counted(source: str) -> tokenizers.Tokenizer:
        read.append("tokenizer")
        return parse(source)

    class Compiled(jinja2.sandbox.ImmutableSandboxedEnvironment):
        def from_string(self, *source: Any, **rest: Any) -> jinja2.Template:
            read.append("template")
            return super().from_string(*source, **rest)

    monkeypatch.setattr(tokenizers, "Tokenizer", SimpleNamespace(from_str=counted))
    monkeypatch.setattr(jinja2.sandbox, "ImmutableSandboxedEnvironment", Compiled)
    release = Release(version="v1", model=MODEL, engine="onnx", created_at=datetime(2026, 11, 1, tzinfo=UTC))
    loaded = await EngineFactory(SETTINGS, Metrics()).load(release, tiny_qwen.onnx())
    await loaded.close()
    assert sorted(read) == ["template", "tokenizer"]


async def test_an_adapter_for_another_model_is_refused(tmp_path: Path) -> None:
    folder = adapted(tmp_path)
    await publish(tmp_path, "other", folder, "transformers", adapter="lora", base_model="Qwen/Qwen3-4B-Instruct-2507")
    models = models_of(tmp_path)
    async with serving(models, SETTINGS) as client:
        status, problem = await client.call("POST", "/reload", {"version": "other"})
        assert (status, problem["stage"]) == (422, "verify")
        assert "made for" in problem["detail"]


async def test_sampling_and_system_prompt_are_the_releases(tmp_path: Path) -> None:
    """The same weights under another prompt, or hotter, say something else; a request's own sampling wins."""
    tuned = {"sampling": {"temperature": 2.0}}
    await publish(tmp_path, "plain", tiny_qwen.onnx(), "onnx")
    await publish(tmp_path, "prompted", tiny_qwen.onnx(), "onnx", system_prompt="Speak of hats alone.")
    await publish(tmp_path, "hot", tiny_qwen.onnx(), "onnx", **tuned)
    models = models_of(tmp_path)
    said: dict[str, list[str]] = {}
    async with serving(models, SETTINGS) as client:
        for version in ("plain", "prompted", "hot"):
            assert (await client.call("POST", "/reload", {"version": version}))[0] == 200
            answers = [await client.call("POST", "/v1/chat/completions", ASK | {"seed": n}) for n in range(3)]
            cold = await client.call("POST", "/v1/chat/completions", ASK | {"temperature": 0})
            said[version] = [answer["choices"][0]["message"]["content"] for _, answer in (*answers, cold)]
    assert len(set(said["plain"])) == 1
    assert said["prompted"][0] != said["plain"][0]
    assert len(set(said["hot"][:3])) == 3
    assert said["hot"][3] == said["plain"][0]


def test_an_installation_without_the_libraries_says_which_extra_it_lacks(tmp_path: Path) -> None:
    program = f"""
import asyncio, sys
sys.modules.update(dict.fromkeys(["numpy", "onnxruntime", "tokenizers", "jinja2", "llguidance", "torch"]))
from datetime import UTC, datetime
from pathlib import Path
from usher_inference.engine_loading import EngineFactory
from usher_inference.metrics import Metrics
from usher_inference.settings import Settings
from usher_shared.contracts.releases import Release
from usher_shared.errors import Unavailable
for kind, extra in (("onnx", "onnx"), ("transformers", "torch")):
    release = Release(version="v1", model="tiny", engine=kind, created_at=datetime.now(UTC))
    try:
        asyncio.run(EngineFactory(Settings(), Metrics()).load(release, Path({str(tiny_qwen.folder())!r})))
    except Unavailable as error:
        told = error.detail
        assert f"usher-inference[{{extra}}]" in told or "extras of usher-inference" in told, told
    else:
        raise SystemExit("it was loaded")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
