"""Decoding by the transformers engine, as a fraction of what the memory's bandwidth allows, and beside vLLM.

A model with random weights in the shape of Qwen3-4B (on a processor: a small one) continues `--batch` prompts at once,
`--tokens` tokens each, greedily, through the port that the service uses (`Decoder`). Measured is the time between the
last prompt's first token and the first answer's last one: decoding with every place of the batch taken.

A step has to read all weights once and the keys and values of every row: the ceiling is the bandwidth by those bytes.
The bandwidth is the card's data sheet's where it is known here, else measured by copying. Each engine is a process of
its own, one after the other. vLLM needs versions of torch and transformers of its own: name the interpreter of an
environment that has it and usher-inference with --vllm-python; without, vLLM is left out. `generate` is transformers'
own, on one batch of equal lengths.

usage: gpu_decode.py [--shape 4b|small] [--batch 1 8 32 64] [--context 1024] [--tokens 128] [--precision auto|4bit]
                     [--engines generate vllm usher] [--vllm-python PATH]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "4b": {  # Qwen/Qwen3-4B-Instruct-2507's config.json
        "vocab_size": 151936,
        "hidden_size": 2560,
        "intermediate_size": 9728,
        "num_hidden_layers": 36,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "max_position_embeddings": 262144,
        "rope_parameters": {"rope_type": "default", "rope_theta": 5000000.0},
        "tie_word_embeddings": True,
    },
    "small": {
        "vocab_size": 4096,
        "hidden_size": 256,
        "intermediate_size": 768,
        "num_hidden_layers": 6,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 32,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
    },
}
DATA_SHEET = {"H200": 4.8e12, "H100": 3.35e12, "B200": 8.0e12, "A100": 2.039e12, "L40S": 0.864e12, "L4": 0.3e12}
Answers = Callable[[Sequence[Sequence[int]], int], Awaitable[list[list[float]]]]  # prompts, tokens -> times of tokens


def config(shape: str) -> Any:
    from transformers import Qwen3Config

    return Qwen3Config(**SHAPES[shape], bos_token_id=None, eos_token_id=None, pad_token_id=None)


def random_model(shape: str) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    with torch.device(device):
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        return AutoModelForCausalLM.from_config(config(shape), dtype=dtype).eval()


def prompts(count: int, length: int, vocabulary: int, seed: int) -> list[list[int]]:
    chance = Random(seed)
    return [[chance.randrange(vocabulary) for _ in range(length)] for _ in range(count)]


def rate(times: Sequence[Sequence[float]]) -> float:
    """Tokens a second while every place is taken."""
    begin, end = max(each[0] for each in times), min(each[-1] for each in times)
    return sum(begin < at <= end for each in times for at in each) / (end - begin)


def through(decoder: Any) -> Answers:
    from usher_inference.generation.model import TokenRequest

    async def one(prompt: Sequence[int], tokens: int) -> list[float]:
        request = TokenRequest(prompt, tokens, frozenset())
        return [time.perf_counter() async for _ in decoder.decode(request)]

    async def answers(asked: Sequence[Sequence[int]], tokens: int) -> list[list[float]]:
        return list(await asyncio.gather(*(one(prompt, tokens) for prompt in asked)))

    return answers


def usher(arguments: argparse.Namespace) -> Answers:
    from usher_inference.adapters.torch_loading import quantise, ready
    from usher_inference.generation.service import Batcher
    from usher_inference.metrics import Metrics

    model = random_model(arguments.shape)
    if arguments.precision == "4bit":
        quantise(model, model.device)
    context = arguments.context + arguments.tokens + 1
    batches = ready(model, slots=max(arguments.batch), context_tokens=context)
    metrics = Metrics().engine("benchmark", arguments.shape)
    return through(Batcher(batches, metrics, most_waiting=max(arguments.batch), prefill_tokens=4096))


def generate(arguments: argparse.Namespace) -> Answers:
    import torch
    from transformers.generation.streamers import BaseStreamer

    model = random_model(arguments.shape)

    class Clock(BaseStreamer):
        """Hears of each step's tokens, after the prompt."""

        def __init__(self) -> None:
            self.heard: list[float] = []

        def put(self, value: Any) -> None:
            self.heard.append(time.perf_counter())

        def end(self) -> None: ...

    async def answers(asked: Sequence[Sequence[int]], tokens: int) -> list[list[float]]:
        clock = Clock()
        ids = torch.tensor(asked, device=model.device)
        more = {"max_new_tokens": tokens, "min_new_tokens": tokens, "do_sample": False, "pad_token_id": 0}
        mask = torch.ones_like(ids)
        await asyncio.to_thread(model.generate, ids, attention_mask=mask, streamer=clock, **more)
        return [clock.heard[1:]] * len(asked)

    return answers


def vllm(arguments: argparse.Namespace) -> Answers:
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.v1.engine.async_llm import AsyncLLM

    from usher_inference.adapters.vllm_decoder import VllmDecoder
    from usher_inference.metrics import Metrics

    folder = Path(tempfile.mkdtemp(prefix="gpu-decode-"))
    config(arguments.shape).save_pretrained(folder)
    described = json.loads((folder / "config.json").read_text()) | {"architectures": ["Qwen3ForCausalLM"]}
    (folder / "config.json").write_text(json.dumps(described))
    context = arguments.context + arguments.tokens + 1
    engine = AsyncLLM.from_engine_args(
        AsyncEngineArgs(
            model=str(folder),
            load_format="dummy",  # random weights, made in place
            skip_tokenizer_init=True,
            dtype="bfloat16",
            quantization="bitsandbytes" if arguments.precision == "4bit" else None,
            max_model_len=context,
            max_num_seqs=max(arguments.batch),
            max_num_batched_tokens=max(4096, context),
            generation_config="vllm",
            disable_log_stats=True,
        )
    )
    metrics = Metrics().engine("benchmark", arguments.shape)
    return through(VllmDecoder(engine, metrics, context_tokens=context, most_at_once=2 * max(arguments.batch)))


ENGINES: dict[str, Callable[[argparse.Namespace], Answers]] = {"generate": generate, "vllm": vllm, "usher": usher}


async def run_engine(arguments: argparse.Namespace) -> None:
    """In a process of its own: a line of JSON for each batch size."""
    answers = await asyncio.to_thread(ENGINES[arguments.engine], arguments)
    vocabulary = SHAPES[arguments.shape]["vocab_size"]
    for batch in arguments.batch:
        await answers(prompts(batch, arguments.context, vocabulary, seed=1000 + batch), 8)  # kernels, memory
        found = await answers(prompts(batch, arguments.context, vocabulary, seed=batch), arguments.tokens)
        print(json.dumps({"batch": batch, "rate": rate(found)}), flush=True)
    os._exit(0)  # engines' threads and children have nothing to lose


def machine() -> dict[str, Any]:
    """In a process of its own, so that the engines find the memory free: the device's name and bandwidth."""
    import torch

    on_gpu = torch.cuda.is_available()
    name = torch.cuda.get_device_name() if on_gpu else f"{torch.get_num_threads()} cores"
    source = torch.empty((1 << 32) if on_gpu else (1 << 28), dtype=torch.uint8, device="cuda" if on_gpu else "cpu")
    target = torch.empty_like(source)
    best = 0.0
    for _ in range(8):
        began = time.perf_counter()
        target.copy_(source)
        if on_gpu:
            torch.cuda.synchronize()
        best = max(best, 2 * source.numel() / (time.perf_counter() - began))
    known = next((value for card, value in DATA_SHEET.items() if on_gpu and card in name), None)
    return {"name": name, "bytes_a_number": 2 if on_gpu else 4, "measured": best, "bandwidth": known or best}


def bytes_a_step(shape: str, batch: int, context: float, number: int, weight: float) -> float:
    """Weights once (the embedding is the last layer too), keys and values of each row."""
    of = SHAPES[shape]
    heads = of["num_attention_heads"] * of["head_dim"]
    shared = of["num_key_value_heads"] * of["head_dim"]
    layer = of["hidden_size"] * (2 * heads + 2 * shared + 3 * of["intermediate_size"])
    weights = of["num_hidden_layers"] * layer * weight + of["vocab_size"] * of["hidden_size"] * number
    return weights + batch * context * 2 * shared * of["num_hidden_layers"] * number


def child(python: str, flags: Sequence[str]) -> list[dict[str, Any]]:
    done = subprocess.run([python, __file__, *flags], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"   failed with {done.returncode}", flush=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8, 32, 64])
    parser.add_argument("--context", type=int, help="default: 1024, of the small shape 128")
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--precision", choices=["auto", "4bit"], default="auto")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--vllm-python", default=sys.executable if find_spec("vllm") else None)
    parser.add_argument("--engine", choices=[*ENGINES, "machine"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine == "machine":
        print(json.dumps(machine()))
        return
    if arguments.engine:
        asyncio.run(run_engine(arguments))
        return
    [found] = child(sys.executable, ["--engine", "machine"])
    shape = arguments.shape or ("4b" if found["bytes_a_number"] == 2 else "small")
    arguments.context = arguments.context or (1024 if shape == "4b" else 128)
    print(
        f"{found['name']}: {found['bandwidth'] / 1e9:,.0f} GB/s ({found['measured'] / 1e9:,.0f} copying); "
        f"shape {shape}, {arguments.context} tokens of context, {arguments.tokens} decoded, {arguments.precision}"
    )
    flags = ["--shape", shape, "--precision", arguments.precision, "--batch", *map(str, arguments.batch)]
    flags += ["--context", str(arguments.context), "--tokens", str(arguments.tokens)]
    weight = 0.5 if arguments.precision == "4bit" else found["bytes_a_number"]
    rates: dict[str, dict[int, float]] = {}
    for engine in arguments.engines:
        python = arguments.vllm_python if engine == "vllm" else sys.executable
        if python is None:
            print(f"{engine}: left out, not installed")
            continue
        lines = child(python, ["--engine", engine, *flags])
        rates[engine] = {line["batch"]: line["rate"] for line in lines}
        for batch, per_second in rates[engine].items():
            middle = arguments.context + arguments.tokens / 2
            step = bytes_a_step(shape, batch, middle, found["bytes_a_number"], weight)
            ceiling = batch * found["bandwidth"] / step
            beside = [
                f"{per_second / of[batch]:.2f} x {name}" for name, of in rates.items() if name != engine and batch in of
            ]
            share = f"{per_second / ceiling:6.1%} of {ceiling:9,.0f}"
            print(f"{engine:9} batch {batch:3}: {per_second:9,.1f} tokens/s  {share}  {'  '.join(beside)}", flush=True)


if __name__ == "__main__":
    main()
