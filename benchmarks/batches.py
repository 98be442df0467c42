"""A batch of JSON lines through one release: one line at a time against many at once, in one run.

A Qwen3 of 5 million parameters (random weights, float32, onnxruntime) answers the same lines, of mixed lengths, greedy,
by `python -m usher_inference.batches`' own code. Rounds alternate; prints medians of lines and tokens a second, the
ratio to one at a time, and whether the answers are the same text.

usage: batches.py [--lines 192] [--tokens 48] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from model_servers import running, small_qwen
from usher_inference.adapters.onnx_conversion import convert
from usher_inference.batch_job import run_batch
from usher_inference.batches.service import Batch
from usher_inference.one_release import StoredRelease
from usher_inference.settings import Settings
from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.artifacts.releases import Releases

FOLDER = Path(__file__).resolve().parents[1] / "build" / "small-qwen"
CONCURRENCY = (1, 4, 16, 32)
SETTINGS = Settings(engine_slots=16, engine_context_tokens=512)
WORDS = ("two", "seats", "for", "the", "concert", "tonight", "please", "not", "too", "far", "up", "row", "twelve")


def written_lines(path: Path, count: int, tokens: int) -> None:
    with path.open("w") as file:
        for number in range(count):
            words = [WORDS[(number * 7 + step * 3) % len(WORDS)] for step in range(4 + number % 40)]
            asked = {"messages": [{"role": "user", "content": f"{number} " + " ".join(words)}]}
            file.write(json.dumps(asked | {"max_tokens": tokens // 2 + number % tokens}) + "\n")


def once(source: Path, target: Path, concurrency: int, release: StoredRelease) -> tuple[float, int, list[str]]:
    """Seconds for the lines (the model's loading aside), tokens, texts."""
    ended = asyncio.run(run_batch(Batch(source, target, concurrency), release, SETTINGS, lambda _: None))
    found: list[dict[str, Any]] = [json.loads(line)["prediction"] for line in target.read_text().splitlines()]
    return (
        ended.seconds,
        sum(each["usage"]["completion_tokens"] for each in found),
        [each["response"] for each in found],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=192)
    parser.add_argument("--tokens", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    model = FOLDER / "fp32"
    if not model.exists():
        print(convert(small_qwen.make(FOLDER / "model"), model, precision="fp32"), flush=True)
    lines: dict[int, list[float]] = defaultdict(list)
    tokens: dict[int, list[float]] = defaultdict(list)
    texts: dict[int, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        running.publish("onnx", model, Path(folder, "store"))
        release = StoredRelease(Releases(FolderArtifactStore(Path(folder, "store"))), "measured")
        written_lines(source := Path(folder, "in.jsonl"), asked.lines, asked.tokens)
        for number in range(asked.rounds):
            for concurrency in CONCURRENCY:
                target = Path(folder, f"out-{number}-{concurrency}.jsonl")
                seconds, count, texts[concurrency] = once(source, target, concurrency, release)
                lines[concurrency].append(asked.lines / seconds)
                tokens[concurrency].append(count / seconds)
    alone = statistics.median(tokens[1])
    for concurrency in CONCURRENCY:
        rate = statistics.median(tokens[concurrency])
        same = sum(a == b for a, b in zip(texts[1], texts[concurrency], strict=True))
        print(
            f"{concurrency:3} at once: {statistics.median(lines[concurrency]):6.1f} lines/s {rate:7.0f} tokens/s "
            f"{rate / alone:5.2f} times one at a time; {same} of {asked.lines} texts are the same"
        )


if __name__ == "__main__":
    main()
