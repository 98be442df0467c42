"""The image without torch against the one with it: size, start, memory, tokens a second, in one run.

Both serve the Qwen3 of 5 million parameters from a release, confined to two processors: the small image its conversion
for onnxruntime, the other the model as transformers has it. `--torch-image` names an image of
services/inference/Dockerfile.torch that was built for processors (`docs/guides/gpu.md`); without it, the small image is
measured alone. Start is from `docker run` to the first 200 on /ready, when the model has answered.

usage: inference_images.py [--torch-image TAG] [--image usher/inference:dev] [--rounds 3] [--streams 16]
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from inference import FOLDER, converted
from model_servers import running, small_qwen
from model_servers.load import measure
from model_servers.running import HOST, Server

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "deploy" / "images"))
from build import weigh  # noqa: E402  a program, no package


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()  # noqa: S607


@contextmanager
def serving(image: str, store: Path) -> Iterator[Server]:
    port, key = running.free_port(), "sk-usher-" + secrets.token_urlsafe(32)
    settings = {
        "USHER_PROJECT": "nowhere",
        "USHER_SERVICE_URL": "https://usher-{service}.invalid",
        "USHER_INFERENCE_RELEASES_FOLDER": "/releases",
        "USHER_INFERENCE_CLIENT_KEYS": f'["{hashlib.sha256(key.encode()).hexdigest()}"]',
        "USHER_INFERENCE_ENGINE_CONTEXT_TOKENS": "1024",
        "USHER_INFERENCE_ENGINE_THREADS": "2",
    }
    options = [f"--env={name}={value}" for name, value in settings.items()]
    options += ["--read-only", "--tmpfs", "/tmp", "--cpus", "2", "--publish", f"{HOST}:{port}:8080"]  # noqa: S108
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(store, Path(folder, "releases"))
        # the image's user writes down there what it serves
        subprocess.run(["chmod", "-R", "a+rwX", folder], check=True)  # noqa: S607
        began = time.monotonic()
        container = docker("run", "--detach", "--volume", f"{folder}/releases:/releases", *options, image)
        try:
            while not running.answers(port, "/ready"):
                if docker("inspect", "--format", "{{.State.Running}}", container) != "true":
                    raise SystemExit(docker("logs", container))
                time.sleep(0.05)
            seconds = time.monotonic() - began
            process = psutil.Process(int(docker("inspect", "--format", "{{.State.Pid}}", container)))
            yield Server(port, key, process, seconds)
        finally:
            docker("rm", "--force", container)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--image", default="usher/inference:dev")
    parser.add_argument("--torch-image")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--streams", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=128)
    arguments = parser.parse_args()
    model = small_qwen.make(FOLDER / "model")
    cases = [
        ("without torch, onnx fp32", arguments.image, "onnx", converted("fp32")),
        ("without torch, onnx int8", arguments.image, "onnx", converted("int8")),
    ]
    if arguments.torch_image:
        cases.append(("with torch, transformers", arguments.torch_image, "transformers", model))
    questions = small_qwen.questions(3 * arguments.streams, (10, 120))
    known: dict[str, int] = {}
    print("| image | MB unpacked / compressed | start s | idle MiB | busy MiB | tokens/s |\n|---|---|---|---|---|---|")
    for number, (name, image, engine, folder) in enumerate(cases):
        store = FOLDER / "stores" / f"image-{number}"
        running.publish(engine, folder, store)
        starts, idle, busy, rates = [], [], [], []
        for _ in range(arguments.rounds):
            with serving(image, store) as server:
                starts.append(server.seconds)
                idle.append(server.resident)
                asyncio.run(measure(server, questions, arguments.streams, arguments.tokens))
                rates.append(asyncio.run(measure(server, questions, arguments.streams, arguments.tokens)).rate)
                busy.append(server.resident)
        unpacked, packed = (sum(sizes) for sizes in zip(*weigh(image, known).values(), strict=True))
        print(
            f"| {name} | {unpacked:,.0f} / {packed:,.0f} | {statistics.median(starts):.1f} "
            f"| {int(statistics.median(idle)) >> 20} | {int(statistics.median(busy)) >> 20} "
            f"| {statistics.median(rates):,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
