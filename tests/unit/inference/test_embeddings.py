"""Embeddings over the API, without a model and of text encoders in ONNX."""

from __future__ import annotations

import asyncio
import json
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import openai
import pytest
from tests.unit.inference.scripted_engine import ScriptedEngine, ScriptedModels

from served import Served, free_port
from usher_inference.app import Deps, create_app
from usher_inference.client_keys import digest, new_key
from usher_inference.embedder_loading import embedders_of
from usher_inference.embeddings.lexical import LexicalEmbedder
from usher_inference.embeddings.model import Embedded
from usher_inference.embeddings.ports import Embedder
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.errors import RateLimited
from usher_shared.http.tokens import LocalTokenVerifier
from usher_shared.ids import UlidGenerator

if TYPE_CHECKING:
    from usher_inference.adapters.onnx_embedder import OnnxEmbedder

KEY = new_key()
TEXTS = ["two tickets for the concert", "parking at the arena", "2 tikets for the concerts", "Wo kann ich parken?"]


@asynccontextmanager
async def url_of(embedders: Sequence[Embedder] = (LexicalEmbedder(),)) -> AsyncIterator[str]:
    models = ScriptedModels(ScriptedEngine())
    deps = Deps(models, LocalTokenVerifier("s" * 40), SystemClock(), UlidGenerator(), embedders=embedders)
    settings = Settings(client_keys=[digest(KEY)])
    served = Served(lambda: create_app(settings, deps), free_port(), lifespan=False)
    await served.start()
    yield served.url + "/v1"
    await served.stop()


def product(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_openais_client_gets_the_same_vectors_in_both_encodings() -> None:
    async with url_of() as url, openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
        packed = await client.embeddings.create(model="usher-lexical", input=TEXTS)
        plain = await client.embeddings.create(model="usher-lexical", input=TEXTS, encoding_format="float")
        single = await client.embeddings.create(model="usher-lexical", input=TEXTS[1], dimensions=1024)
        assert "usher-lexical" in [model.id async for model in client.models.list()]
    assert [item.index for item in packed.data] == [0, 1, 2, 3]
    for one, other in zip(packed.data, plain.data, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-7)
        assert product(other.embedding, other.embedding) == pytest.approx(1)
    assert single.data[0].embedding == pytest.approx(packed.data[1].embedding)
    assert packed.usage.prompt_tokens == packed.usage.total_tokens == 18


async def test_langchains_embeddings_work() -> None:
    from langchain_openai import OpenAIEmbeddings
    from pydantic import SecretStr

    async with url_of() as url:
        langchain = OpenAIEmbeddings(
            model="usher-lexical", base_url=url, api_key=SecretStr(KEY), check_embedding_ctx_length=False, max_retries=0
        )
        documents = await asyncio.to_thread(langchain.embed_documents, TEXTS)
        query = await asyncio.to_thread(langchain.embed_query, TEXTS[0])
    assert query == pytest.approx(documents[0])


@pytest.mark.parametrize(
    ("fields", "status", "param"),
    [
        ({"input": ""}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": ["ok", ""]}, 400, "input"),
        ({"input": [[101, 102]]}, 400, "input"),
        ({"input": [101, 102]}, 400, "input"),
        ({"input": ["x"] * 2049}, 400, "input"),
        ({"input": "x" * 32_001}, 400, "input"),
        ({"dimensions": 256}, 400, "dimensions"),
        ({"encoding_format": "int8"}, 400, "encoding_format"),
        ({"model": "scripted"}, 404, "model"),
    ],
)
async def test_what_cannot_be_embedded_is_refused(fields: dict[str, Any], status: int, param: str) -> None:
    async with url_of() as url, httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as client:
        answer = await client.post(f"{url}/embeddings", json={"model": "usher-lexical", "input": "x", **fields})
    assert answer.status_code == status
    assert answer.json()["error"]["param"].split(".")[0] == param


async def test_nobody_embeds_without_a_key() -> None:
    async with url_of() as url, httpx.AsyncClient() as client:
        answer = await client.post(f"{url}/embeddings", json={"model": "usher-lexical", "input": "x"})
    assert answer.status_code == 401


class _StuckEmbedder:
    model, version, dimensions = "stuck", "1", 1

    def __init__(self) -> None:
        self.begun, self.cancelled = asyncio.Event(), asyncio.Event()

    async def embed(self, texts: Sequence[str]) -> Embedded:
        self.begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return Embedded([], 0)


async def test_the_work_ends_with_the_deadline_and_when_the_client_hangs_up() -> None:
    stuck = _StuckEmbedder()
    headers = {"Authorization": f"Bearer {KEY}"}
    async with url_of([stuck]) as url, httpx.AsyncClient(headers=headers, timeout=30) as client:
        body = {"model": "stuck", "input": "x"}
        late = await client.post(f"{url}/embeddings", json=body, headers={"Usher-Deadline": "0.05"})
        assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline_exceeded")
        stuck.begun.clear()
        stuck.cancelled.clear()
        asking = asyncio.create_task(client.post(f"{url}/embeddings", json=body))
        await stuck.begun.wait()
        asking.cancel()
        await asyncio.wait_for(stuck.cancelled.wait(), 20)


async def test_like_words_are_alike_and_others_are_not() -> None:
    concert, parking, misspelt, german = (await LexicalEmbedder().embed(TEXTS)).vectors
    assert product(concert, misspelt) > 0.4
    assert product(parking, german) > product(concert, german)
    assert abs(product(concert, parking)) < 0.2


async def test_lexical_vectors_stay_what_they_are() -> None:
    """Vectors are stored for long: another number here needs another version."""
    [vector] = (await LexicalEmbedder().embed(["Tickets für das Concert!"])).vectors
    strongest = sorted(range(1024), key=lambda place: -abs(vector[place]))[:3]
    assert LexicalEmbedder.version == "1"
    assert [(place, round(vector[place], 4)) for place in strongest] == STRONGEST


STRONGEST = [(88, -0.369), (386, 0.369), (99, -0.1535)]


async def test_lexical_search_finds_passages_of_the_house() -> None:
    """Of the held-out questions that the house's texts answer; a guess is right once in seventy-seven."""
    passages = list(_passages())
    questions = [json.loads(line) for line in QUESTIONS.read_text().splitlines()]
    answerable = [q for q in questions if q["split"] == "test" and set(q["gold"]) & {place for place, _ in passages}]
    embedder = LexicalEmbedder()
    known = (await embedder.embed([text for _, text in passages])).vectors
    asked = (await embedder.embed([q["question"] for q in answerable])).vectors
    right = 0
    for question, vector in zip(answerable, asked, strict=True):
        best = max(range(len(passages)), key=lambda at: product(vector, known[at]))
        right += passages[best][0] in question["gold"]
    assert len(answerable) > 50
    assert right / len(answerable) > 0.4


ROOT = Path(__file__).resolve().parents[3]
QUESTIONS = ROOT / "tests/unit/agent/knowledge/questions.jsonl"
SAMPLE = ROOT / "deploy/local/usher_local/knowledge"


def _passages() -> Sequence[tuple[str, str]]:
    """(place, text) of each section of the sample knowledge."""
    found = []
    for file in sorted(SAMPLE.rglob("*.md")):
        path: list[str] = []
        for section in ("\n" + file.read_text("utf-8")).split("\n#")[1:]:
            marks, _, rest = section.partition(" ")
            title, _, body = rest.partition("\n")
            path = [*path[: len(marks)], title]
            if body.strip():
                found.append((f"{file.relative_to(SAMPLE)}#{' > '.join(path)}", f"{' '.join(path)}\n{body}"))
    return found


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "two", "tickets", "for", "the", "concert", "parking", "at", "arena"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A tiny BERT from a seed: its folder in ONNX, and the model itself."""
    import tokenizers
    import torch
    from transformers import BertConfig, BertModel

    torch.set_num_threads(1)
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
        attn_implementation="eager",
    )
    model = BertModel(config).eval()
    folder = tmp_path_factory.mktemp("encoders") / "tiny-bert"
    folder.mkdir()
    example = torch.ones(2, 5, dtype=torch.long)
    mask = torch.tensor([[1] * 5, [1] * 3 + [0] * 2])  # of ones alone, the tracer would leave the mask out
    axes = {0: "texts", 1: "tokens"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, about its age
        torch.onnx.export(
            _Encoder(model).eval(),  # or the exporter would leave the model training
            (example, mask),
            str(folder / "model.onnx"),
            input_names=["input_ids", "attention_mask"],
            output_names=["last_hidden_state"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "last_hidden_state": axes},
            dynamo=False,
        )
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.enable_padding()
    tokenizer.enable_truncation(8)  # what a file may ask for, and an embedder must not do unasked
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({"max_position_embeddings": 24}))
    return folder, model


def _Encoder(model: Any) -> Any:  # noqa: N802  a class that exists once torch is loaded
    import torch

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state

    return Encoder()


def pooled(folder: Path, model: Any, text: str, pooling: str) -> list[float]:
    """The same by transformers, one text at a time and without padding."""
    import torch
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    with torch.no_grad():
        states = model(input_ids=torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0]
    vector = {"mean": states.mean(0), "cls": states[0], "lasttoken": states[-1]}[pooling]
    return (vector / vector.norm()).tolist()


def pooling_by(folder: Path, config: dict[str, Any]) -> OnnxEmbedder:
    from usher_inference.adapters.onnx_embedder import OnnxEmbedder

    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
    return OnnxEmbedder(folder, threads=1)


LONG = " ".join(WORDS[4:] * 2)
MIXED = ["parking", "two tickets for the concert", LONG, "at the arena", "unheard of"]


@pytest.mark.parametrize(
    ("config", "pooling"),
    [
        ({}, "mean"),
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, "cls"),
        ({"pooling_mode_lasttoken": True}, "lasttoken"),
        ({"pooling_mode": "cls"}, "cls"),
    ],
)
async def test_an_encoders_vectors_are_its_own(encoder: tuple[Path, Any], config: dict[str, Any], pooling: str) -> None:
    folder, model = encoder
    embedded = await pooling_by(folder, config).embed(MIXED)
    for text, vector in zip(MIXED, embedded.vectors, strict=True):
        assert vector == pytest.approx(pooled(folder, model, text, pooling), abs=1e-5)
    assert embedded.tokens == 3 + 7 + 18 + 5 + 4


async def test_many_texts_in_batches_keep_their_order(
    encoder: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from usher_inference.adapters import onnx_embedder

    monkeypatch.setattr(onnx_embedder, "_BATCH_TOKENS", 40)
    embedder = pooling_by(encoder[0], {})
    both = await asyncio.gather(embedder.embed(MIXED * 4), embedder.embed(MIXED[::-1]))
    alone = [(await embedder.embed([text])).vectors[0] for text in MIXED]
    for at, vector in enumerate(both[0].vectors):
        assert vector == pytest.approx(alone[at % 5], abs=1e-5)
    for at, vector in enumerate(both[1].vectors):
        assert vector == pytest.approx(alone[4 - at], abs=1e-5)


async def test_an_encoder_is_served_by_its_folders_name(encoder: tuple[Path, Any]) -> None:
    pooling_by(encoder[0], {})
    embedders = embedders_of(Settings(embeddings_folder=encoder[0]))
    async with url_of(embedders) as url, openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client:
        made = await client.embeddings.create(model="tiny-bert", input="parking at the arena")
        assert len(made.data[0].embedding) == 16
        with pytest.raises(openai.BadRequestError, match=r"28 tokens.* reads 24"):
            await client.embeddings.create(model="tiny-bert", input=["parking", LONG + LONG[: LONG.rindex("the")]])


async def test_too_many_requests_are_sent_away(encoder: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    from usher_inference.adapters import onnx_embedder

    monkeypatch.setattr(onnx_embedder, "_MOST_WAITING", 2)
    embedder = pooling_by(encoder[0], {})
    answers = await asyncio.gather(*(embedder.embed(MIXED) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(answer, RateLimited) for answer in answers) == 1
    assert len((await embedder.embed(MIXED)).vectors) == 5  # and their places are free again


def test_a_folder_that_cannot_be_served_is_refused(encoder: tuple[Path, Any]) -> None:
    with pytest.raises(ValueError, match="weightedmean"):
        pooling_by(encoder[0], {"pooling_mode_weightedmean_tokens": True})
    pooling_by(encoder[0], {})


def test_a_generator_is_no_encoder(tmp_path: Path) -> None:
    import onnx
    from onnx import TensorProto, helper

    from usher_inference.adapters.onnx_embedder import OnnxEmbedder

    names = ["input_ids", "attention_mask", "past_key_values.0.key"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["b", "s"]) for name in names]
    output = helper.make_tensor_value_info("logits", TensorProto.INT64, ["b", "s"])
    node = helper.make_node("Identity", ["input_ids"], ["logits"])
    graph = helper.make_graph([node], "generator", inputs, [output])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "model.onnx"
    )
    with pytest.raises(ValueError, match="past_key_values"):
        OnnxEmbedder(tmp_path)
