"""The inference service on a processor against FastAPI around `generate`, and transformers' continuous batching.

A Qwen3 of 5 million parameters (random weights, float32) answers over HTTP, streamed, `--streams` conversations at a
time; prompts of mixed lengths, greedy, `--tokens` tokens an answer. Each server is a process of its own, on the same
cores as this program; a round asks every server the same questions. `generate` is measured in both of its forms, its
requests beside each other and one after the other; the better one counts. Prints medians of the rounds, the ratios,
and how many answers are the same text as `generate`'s.

usage: inference.py [--streams 16] [--rounds 3] [--questions 48] [--tokens 128]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from model_servers import running, small_qwen
from model_servers.load import Round, measure, percentile
from model_servers.running import Server
from usher_inference.adapters.onnx_conversion import Precision, convert

FOLDER = Path(__file__).resolve().parents[1] / "build" / "small-qwen"
GENERATE = ("generate, beside each other", "generate, one after the other")
CONTINUOUS = "transformers' continuous batching"
OURS = "usher, onnx"
EIGHT_BITS = "usher, onnx int8"
TORCH = "usher, transformers"


def converted(precision: Precision) -> Path:
    target = FOLDER / precision
    if not target.exists():
        print(convert(small_qwen.make(FOLDER / "model"), target, precision=precision), flush=True)
    return target


def servers(only: set[str]) -> dict[str, Callable[[], Any]]:
    """By name, what starts each."""
    model = small_qwen.make(FOLDER / "model")
    for name, engine, folder in (
        ("fp32", "onnx", converted("fp32")),
        ("int8", "onnx", converted("int8")),
        ("torch", "transformers", model),
    ):
        running.publish(engine, folder, FOLDER / "stores" / name)
    found: dict[str, Callable[[], Any]] = {
        GENERATE[0]: lambda: running.peer("generate", model),
        GENERATE[1]: lambda: running.peer("generate", model, "--one-at-a-time"),
        CONTINUOUS: lambda: running.peer("continuous", model),
        OURS: lambda: running.ours(FOLDER / "stores" / "fp32"),
        EIGHT_BITS: lambda: running.ours(FOLDER / "stores" / "int8"),
        TORCH: lambda: running.ours(FOLDER / "stores" / "torch"),
    }
    return {name: start for name, start in found.items() if not only or any(word in name for word in only)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=48, help="a round and server; generate gets a third of them")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--only", default="", help="parts of names, separated by commas")
    arguments = parser.parse_args()
    only = {word for word in arguments.only.split(",") if word}
    rounds: dict[str, list[Round]] = defaultdict(list)
    resident: dict[str, int] = {}
    questions = small_qwen.questions(arguments.questions, (10, 120))
    with ExitStack() as running_servers:
        started: dict[str, Server] = {}
        for name, start in servers(only).items():
            started[name] = running_servers.enter_context(start())
            # kernels are made and memory is taken at a shape's first use, which costs transformers most of a round
            done = asyncio.run(
                measure(started[name], asked(name, questions, arguments.streams), arguments.streams, arguments.tokens)
            )
            print(f"{name}: warmed at {done.rate:.0f} tokens/s", flush=True)
        for number in range(arguments.rounds):
            for name, server in started.items():
                done = asyncio.run(
                    measure(server, asked(name, questions, arguments.streams), arguments.streams, arguments.tokens)
                )
                resident[name] = server.resident
                rounds[name].append(done)
                print(f"round {number + 1}, {name}: {done.rate:.0f} tokens/s", flush=True)
    report(rounds, resident, arguments.streams)


def asked(name: str, questions: list[str], streams: int) -> list[str]:
    return questions[: max(streams, len(questions) // 3)] if name in GENERATE else questions


def report(rounds: dict[str, list[Round]], resident: dict[str, int], streams: int) -> None:
    truth = {text: answer for name in GENERATE for done in rounds.get(name, []) for text, answer in done.texts.items()}
    heads = ("tokens/s", "first token p50 / p95 ms", "between p50 / p95 ms", "CPU ms a token", "MiB", "same")
    print(f"\n| {streams} streams | {' | '.join(heads)} |\n{'|---' * (len(heads) + 1)}|")
    for name, each in rounds.items():
        first = [value * 1000 for done in each for value in done.first]
        between = [value * 1000 for done in each for value in done.between]
        work = sum(done.processor for done in each) / sum(done.tokens for done in each) * 1000
        known = [answer == truth[text] for done in each for text, answer in done.texts.items() if text in truth]
        print(
            f"| {name} | {rate(each):,.0f} | {percentile(first, 50):.0f} / {percentile(first, 95):.0f} "
            f"| {percentile(between, 50):.1f} / {percentile(between, 95):.1f} | {work:.2f} "
            f"| {resident[name] >> 20} | {f'{sum(known)} of {len(known)}' if known else '-'} |"
        )
    single = max((rate(rounds[name]) for name in GENERATE if name in rounds), default=None)
    for name in (OURS, EIGHT_BITS, TORCH):
        if name in rounds and single is not None:
            print(f"\n{name}: {rate(rounds[name]) / single:.1f} times generate a request", end="")
            if CONTINUOUS in rounds:
                print(f", {rate(rounds[name]) / rate(rounds[CONTINUOUS]):.1f} times continuous batching", end="")
    print()


def rate(rounds: list[Round]) -> float:
    return statistics.median(done.rate for done in rounds)


if __name__ == "__main__":
    main()
