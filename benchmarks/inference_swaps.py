"""What customers notice of a swap: streamed answers while releases come and go, against the same without.

The inference service takes up each newer release that it sees in its store: it hashes the files, loads the model beside
the one that serves, tries it, and flips. `--streams` conversations of a Qwen3 of 5 million parameters (random weights,
converted, float32; each release holds the same) go on all the while, on the same cores. Every request has to succeed.
Prints medians of the rounds.

usage: inference_swaps.py [--streams 8] [--rounds 3] [--questions 300] [--tokens 96] [--every 2.0]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inference import converted
from model_servers import running
from model_servers.load import Round, measure, percentile
from usher_inference.releases.record import DeploymentRecord
from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.artifacts.releases import Releases
from usher_shared.contracts.releases import Release

SETTINGS = {"USHER_INFERENCE_RELEASES_FOLLOW_NEWEST": "true", "USHER_INFERENCE_RELEASES_POLL_SECONDS": "0.25"}


async def publish(store: Path, number: int) -> None:
    release = Release(version=f"r{number}", model=running.MODEL, engine="onnx", created_at=datetime.now(UTC))
    await Releases(FolderArtifactStore(store)).publish(release, converted("fp32"))


async def swaps(store: Path) -> int:
    recorded = await DeploymentRecord(FolderArtifactStore(store), store / "unused").read()
    return sum(len(each.history) for each in recorded.deployment.models.values())


async def keep_publishing(store: Path, every: float, first: int) -> None:
    number = first
    while True:
        await asyncio.sleep(every)  # the pace that is asked for
        await publish(store, number)
        number += 1


async def run(given: argparse.Namespace, store: Path, server: running.Server) -> dict[str, list[tuple[Round, int]]]:
    found: dict[str, list[tuple[Round, int]]] = {"quiet": [], "swapping": []}
    for number in range(given.rounds):
        questions = [f"{n} tickets for the concert in row {n}, round {number}" for n in range(given.questions)]
        for kind, rounds in found.items():
            before, publishing = await swaps(store), None
            if kind == "swapping":
                publishing = asyncio.create_task(keep_publishing(store, given.every, 2 + 1000 * number))
            rounds.append((await measure(server, questions, given.streams, given.tokens), 0))
            if publishing is not None:
                publishing.cancel()
                with suppress(asyncio.CancelledError):
                    await publishing
            rounds[-1] = (rounds[-1][0], await swaps(store) - before)
    return found


def show(kind: str, rounds: list[tuple[Round, int]]) -> float:
    rates = [each.rate for each, _ in rounds]

    def milliseconds(name: str, percent: int) -> float:
        return statistics.median(percentile(getattr(each, name), percent) for each, _ in rounds) * 1000

    print(
        f"{kind:9} {statistics.median(rates):7.0f} tokens/s; first token {milliseconds('first', 50):.0f} ms (p99 "
        f"{milliseconds('first', 99):.0f}); between tokens {milliseconds('between', 50):.1f} ms (p99 "
        f"{milliseconds('between', 99):.1f}, longest {max(max(each.between) for each, _ in rounds) * 1000:.0f}); "
        f"{sum(count for _, count in rounds)} swaps, {sum(len(each.texts) for each, _ in rounds)} answers"
    )
    return statistics.median(rates)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--tokens", type=int, default=96)
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two releases")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "store")
        asyncio.run(publish(store, 0))
        with running.ours(store, SETTINGS) as server:
            found: dict[str, Any] = asyncio.run(run(given, store, server))
    quiet, swapping = (show(kind, rounds) for kind, rounds in found.items())
    print(f"while releases are swapped: {swapping / quiet:.2f} x the tokens/s, no request refused, none cut")


if __name__ == "__main__":
    main()
