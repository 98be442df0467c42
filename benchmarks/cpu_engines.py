"""Which library decodes on a processor: onnxruntime under our batcher, onnxruntime-genai's Engine, CTranslate2.

One Qwen3 of 5 million parameters, converted for each; prompts of mixed lengths, greedy, 1, 4 and 16 at a time, in the
engine's own process and without HTTP. Requests come one after the other as places become free; CTranslate2, whose
batches start and end together, gets them in batches. Prints tokens a second, the time to the first token, memory above
the bare interpreter, and what the packages weigh. CTranslate2 is not among the developers' packages: `pip install
ctranslate2`, or it is left out.

usage: cpu_engines.py [--rounds 3] [--tokens 128] [--threads 2]
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import aclosing
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import psutil

from model_servers import small_qwen

FOLDER = Path(__file__).resolve().parents[1] / "build" / "small-qwen"
BATCHES = (1, 4, 16)
PACKAGES = {
    "onnxruntime": ("onnxruntime",),
    "genai": ("onnxruntime", "onnxruntime-genai"),
    "ctranslate2": ("ctranslate2",),
}
NAMES = {
    "onnxruntime": "onnxruntime, our batcher",
    "genai": "onnxruntime-genai, its Engine",
    "ctranslate2": "CTranslate2, batches",
}
Prompts = Sequence[Sequence[int]]
Answer = tuple[int, float]  # tokens, seconds to the first


class OnnxRuntime:
    def __init__(self, precision: str, threads: int, tokens: int) -> None:
        from usher_inference.adapters.onnx_batch_model import OnnxBatchModel
        from usher_inference.generation.service import Batcher
        from usher_inference.metrics import Metrics

        model = OnnxBatchModel(FOLDER / precision, slots=max(BATCHES), context_tokens=1024, threads=threads)
        self._batcher = Batcher(model, Metrics().engine("small", "measured"))
        self._tokens = tokens

    def answer(self, prompts: Prompts, batch: int) -> list[Answer]:
        return asyncio.run(self._answer(prompts, batch))

    async def _answer(self, prompts: Prompts, batch: int) -> list[Answer]:
        from usher_inference.generation.model import TokenRequest

        waiting, done = iter(prompts), []

        async def one_after_another() -> None:
            for prompt in waiting:
                began, first, count = time.monotonic(), 0.0, 0
                async with aclosing(self._batcher.decode(TokenRequest(prompt, self._tokens, frozenset()))) as answer:
                    async for _ in answer:
                        first = first or time.monotonic() - began
                        count += 1
                done.append((count, first))

        await asyncio.gather(*(one_after_another() for _ in range(batch)))
        return done


class Genai:
    def __init__(self, precision: str, threads: int, tokens: int) -> None:
        import onnxruntime_genai

        folder = FOLDER / f"genai-{precision}"
        config = json.loads((folder / "genai_config.json").read_text())
        config["engine"] = {"static_batching": {"max_batch_size": max(BATCHES)}}
        config["model"]["decoder"]["session_options"] |= {
            "intra_op_num_threads": threads,
            "session.intra_op.allow_spinning": "0",  # as ours
        }
        (folder / "genai_config.json").write_text(json.dumps(config))
        self._library = onnxruntime_genai
        self._engine = onnxruntime_genai.Engine(onnxruntime_genai.Model(str(folder)))
        self._tokens = tokens

    def answer(self, prompts: Prompts, batch: int) -> list[Answer]:
        buffer = self._engine.create_event_buffer(4 * batch)
        waiting, done = iter(prompts), []
        running: dict[int, list[Any]] = {}  # by request: it, when it began, its first token after, tokens

        def begin(prompt: Sequence[int]) -> None:
            import numpy as np

            options = self._library.RequestOptions()
            options.set_max_session_tokens(1024)
            request = self._engine.create_request(options=options)
            turn = self._library.TurnOptions(request)
            turn.set_do_sample(False)
            turn.set_max_generated_tokens(self._tokens)
            began = time.monotonic()
            request.begin_turn(np.array(prompt, np.int32), turn)
            running[id(request)] = [request, began, 0.0, 0]

        for _, prompt in zip(range(batch), waiting, strict=False):
            begin(prompt)
        while running:
            for event in self._engine.run(buffer):
                mine = running[id(event.request)]
                if event.token is not None:
                    mine[2] = mine[2] or time.monotonic() - mine[1]
                    mine[3] += 1
                if event.finish_reason != self._library.FinishReason.NONE:
                    request, _, first, count = running.pop(id(event.request))
                    request.close()
                    done.append((count, first))
                    if (prompt := next(waiting, None)) is not None:
                        begin(prompt)
        return done


class CTranslate2:
    def __init__(self, precision: str, threads: int, tokens: int) -> None:
        library = importlib.import_module("ctranslate2")
        compute = {"fp32": "float32", "int8": "int8"}[precision]
        folder = str(FOLDER / f"ctranslate2-{precision}")
        self._generator = library.Generator(folder, compute_type=compute, inter_threads=1, intra_threads=threads)
        vocabulary = json.loads((FOLDER / "model" / "tokenizer.json").read_text())["model"]["vocab"]
        self._words = {id: word for word, id in vocabulary.items()}
        self._tokens = tokens

    def answer(self, prompts: Prompts, batch: int) -> list[Answer]:
        done: list[Answer] = []
        for at in range(0, len(prompts), batch):
            some = prompts[at : at + batch]
            began = time.monotonic()
            firsts: dict[int, float] = {}

            def heard(step: Any, began: float = began, firsts: dict[int, float] = firsts) -> bool:
                firsts.setdefault(step.batch_id, time.monotonic() - began)
                return False

            results = self._generator.generate_batch(
                [[self._words[id] for id in prompt] for prompt in some],
                max_length=self._tokens,
                min_length=self._tokens,
                sampling_topk=1,
                include_prompt_in_result=False,
                callback=heard,
            )
            done += [(len(result.sequences_ids[0]), firsts[at]) for at, result in enumerate(results)]
        return done


ENGINES: dict[str, Callable[[str, int, int], Any]] = {
    "onnxruntime": OnnxRuntime,
    "genai": Genai,
    "ctranslate2": CTranslate2,
}


def run(engine: str, precision: str, threads: int, tokens: int) -> None:
    """In a process of its own: a line of JSON."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(FOLDER / "model" / "tokenizer.json"))
    prompts = [tokenizer.encode(text).ids for text in small_qwen.questions(2 * max(BATCHES), (10, 120))]
    bare, began = psutil.Process().memory_info().rss, time.monotonic()
    made = ENGINES[engine](precision, threads, tokens)
    found: dict[str, Any] = {"load": time.monotonic() - began}
    made.answer(prompts, max(BATCHES))  # memory is taken and kernels are chosen at the first use
    for batch in BATCHES:
        asked = prompts[: max(4, 2 * batch)]
        began, worked = time.monotonic(), time.process_time()
        answers = made.answer(asked, batch)
        assert [count for count, _ in answers] == [tokens] * len(asked)
        found[str(batch)] = sum(count for count, _ in answers) / (time.monotonic() - began)
        found[f"work {batch}"] = (time.process_time() - worked) / (tokens * len(asked))
        found[f"first {batch}"] = statistics.median(first for _, first in answers)
    found["memory"] = psutil.Process().memory_info().rss - bare
    print(json.dumps(found), flush=True)
    os._exit(0)  # engines' threads do not end by themselves


def prepare(engines: Sequence[str]) -> None:
    from usher_inference.adapters.onnx_conversion import convert

    model = small_qwen.make(FOLDER / "model")
    for precision in ("fp32", "int8"):
        if not (FOLDER / precision).exists():
            convert(model, FOLDER / precision, precision=precision)
        # its Engine wants the logits of the whole prompt, which ours leave out
        genai = FOLDER / f"genai-{precision}"
        if not genai.exists():
            command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", str(model), "-o", str(genai)]
            subprocess.run([*command, "-p", precision, "-e", "cpu", "-c", str(FOLDER / "cache")], check=True)
        translated = FOLDER / f"ctranslate2-{precision}"
        if "ctranslate2" in engines and not translated.exists():
            quantization = {"fp32": None, "int8": "int8"}[precision]
            converters = importlib.import_module("ctranslate2.converters")
            converters.TransformersConverter(str(model)).convert(str(translated), quantization=quantization)
            shutil.copy(model / "tokenizer.json", translated)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--run", nargs=2, metavar=("ENGINE", "PRECISION"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.run:
        run(*arguments.run, arguments.threads, arguments.tokens)
    engines = [name for name in ENGINES if name != "ctranslate2" or importlib.util.find_spec(name)]
    prepare(engines)
    found: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    for number in range(arguments.rounds):
        for precision in ("fp32", "int8"):
            for engine in engines:
                options = ["--tokens", str(arguments.tokens), "--threads", str(arguments.threads)]
                command = [sys.executable, __file__, "--run", engine, precision, *options]
                # threads that spin while they wait take the cores from those that render answers, and from neighbours
                environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}
                done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
                found[engine, precision].append(json.loads(done.splitlines()[-1]))
                print(f"round {number + 1}, {engine} {precision}: {found[engine, precision][-1]}", flush=True)
    report(found)


def report(found: dict[tuple[str, str], list[dict[str, float]]]) -> None:
    each = ("tokens/s", "first token ms", "CPU ms a token")
    heads = [f"{what} at {' / '.join(map(str, BATCHES))}" for what in each]
    print(f"\n| engine | {' | '.join([*heads, 'loads in s', 'MiB', 'packages MB'])} |\n|{'---|' * (len(heads) + 4)}")
    for (engine, precision), rounds in found.items():
        middle = {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
        columns = [[f"{middle[str(batch)]:,.0f}" for batch in BATCHES]]
        columns.append([f"{middle[f'first {batch}'] * 1000:.0f}" for batch in BATCHES])
        columns.append([f"{middle[f'work {batch}'] * 1000:.2f}" for batch in BATCHES])
        cells = [" / ".join(column) for column in columns]
        cells += [f"{middle['load']:.2f}", f"{middle['memory'] / 2**20:.0f}", f"{sum(sizes(engine)) / 1e6:.0f}"]
        print(f"| {NAMES[engine]}, {precision} | {' | '.join(cells)} |")


def sizes(engine: str) -> Iterator[int]:
    """Bytes of each file of the engine's packages."""
    for package in PACKAGES[engine]:
        yield from (
            Path(str(file.locate())).stat().st_size
            for file in distribution(package).files or []
            if file.locate().exists()
        )


if __name__ == "__main__":
    main()
