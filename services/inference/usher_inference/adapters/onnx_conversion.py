"""A model as Hugging Face's libraries save it, made into what `OnnxBatchModel` serves without torch.

The graph comes from onnxruntime-genai's model builder (extra `convert`), which is a program of its own. What it made is
run against the original before it is taken: a converter's mistake shows in the first tokens.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from usher_inference.adapters.onnx_batch_model import OnnxBatchModel
from usher_inference.generation.model import Sampling
from usher_inference.generation.ports import Choice, Row
from usher_shared.errors import Conflict, InvalidRequest, Unavailable, UpstreamFailed

Precision = Literal["fp32", "int8", "int4"]
_NEEDED = ("config.json", "tokenizer.json")
_CARRIED = ("generation_config.json", "chat_template.jinja")  # beside what the builder writes
_ASKED = (
    "Two tickets for tonight, please.",
    "What does the best seat in the stalls cost, and may I bring a pram?",
    "I would like to return one of my three tickets and move the others to Saturday.",
)
_ANSWER_TOKENS = 48
_FAITHFUL = 0.98  # of the tokens; what full precision has to reach, near ties apart


@dataclass(frozen=True, slots=True)
class Conversion:
    """`agreement` is the share of the original's greedy tokens that the converted model chooses after the same text."""

    precision: Precision
    bytes: int
    agreement: float


def convert(source: Path, target: Path, *, precision: Precision = "int8", adapter: Path | None = None) -> Conversion:
    """Make the folder `target`, whole or not at all. A LoRA `adapter` is merged into the weights first.

    `fp32` keeps the weights; `int8` and `int4` store the matrices in blocks of 32 with a scale each and multiply in
    eight bits. Blocking, and for as long as the model is large. Raises InvalidRequest (no such model), Conflict
    (`target` exists), Unavailable (extra `convert` is missing), UpstreamFailed (the builder refuses the model, or what
    it made at full precision answers otherwise).
    """
    missing = [name for name in _NEEDED if not (source / name).is_file()]
    if missing:
        raise InvalidRequest(f"{source} holds no {' and no '.join(missing)}: no model of Hugging Face's libraries")
    if target.exists():
        raise Conflict(f"{target} exists")
    absent = [name for name in ("onnxruntime_genai", "torch", "transformers") if importlib.util.find_spec(name) is None]
    if absent:
        raise Unavailable(f"{', '.join(absent)}: converting needs the extra usher-inference[convert]")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch, _merged(source, adapter, Path(scratch)) as whole:
        made = Path(scratch, "made")
        _build(whole, made, precision, Path(scratch))
        for name in _CARRIED:
            if (whole / name).is_file():
                shutil.copy(whole / name, made / name)
        share = agreement(whole, made)
        if precision == "fp32" and share < _FAITHFUL:
            raise UpstreamFailed(f"the converted model chooses {share:.0%} of the original's tokens; it is not kept")
        made.rename(target)
    size = sum(file.stat().st_size for file in target.iterdir())
    return Conversion(precision, size, share)


@contextmanager
def _merged(source: Path, adapter: Path | None, scratch: Path) -> Iterator[Path]:
    """The model's folder, one with the adapter's weights added where there is an adapter."""
    if adapter is None:
        yield source
        return
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(source, dtype="auto")
    whole = scratch / "merged"
    PeftModel.from_pretrained(base, str(adapter)).merge_and_unload().save_pretrained(whole)
    for file in source.iterdir():
        if file.is_file() and not (whole / file.name).exists() and "safetensors" not in file.name:
            shutil.copy(file, whole / file.name)
    yield whole


def _build(source: Path, target: Path, precision: Precision, scratch: Path) -> None:
    command = [sys.executable, "-m", "onnxruntime_genai.models.builder", "--input", str(source)]
    command += ["--output", str(target), "--precision", precision, "--execution_provider", "cpu"]
    # logits of the last position alone: nobody asks for those inside a prompt, and a vocabulary is wide
    command += ["--cache_dir", str(scratch / "cache"), "--extra_options", "prune_lm_head=true"]
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}  # nothing that the folder lacks is fetched
    done = subprocess.run(command, env=offline, check=False, capture_output=True, text=True)  # noqa: S603  our command
    if done.returncode != 0 or not (target / "genai_config.json").is_file():
        said = done.stderr.strip().splitlines() or ["nothing was said"]
        raise UpstreamFailed(f"the model builder failed: {said[-1]}")


def agreement(source: Path, made: Path) -> float:
    """The share of the greedy tokens of `source` that the converted folder `made` chooses after the same text."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(source)
    prompts = [_prompt(tokenizer, text) for text in _ASKED]
    original = AutoModelForCausalLM.from_pretrained(source, dtype="auto")
    answers = []
    for prompt in prompts:
        ids = torch.tensor([prompt])
        found = original.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=_ANSWER_TOKENS, do_sample=False
        )
        answers.append(found[0, len(prompt) :].tolist())
    del original
    context = max(len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True))
    converted = OnnxBatchModel(made, slots=1, context_tokens=context)
    same = sum(_same(converted, prompt, answer) for prompt, answer in zip(prompts, answers, strict=True))
    converted.close()
    return same / sum(map(len, answers))


def _prompt(tokenizer: Any, text: str) -> list[int]:
    if tokenizer.chat_template:
        messages = [{"role": "user", "content": text}]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False)
    return ids


def _same(model: OnnxBatchModel, prompt: Sequence[int], answer: Sequence[int]) -> int:
    """How many of the answer's tokens the model chooses, each after the right ones."""
    greedy = Choice(Sampling())
    line, end = [*prompt, *answer], len(prompt)
    [token] = model.step([Row(0, 0, line[:end], greedy)])
    same = 0
    for at, expected in enumerate(answer, end):
        same += token is not None and token.id == expected
        if at + 1 < len(line):
            [token] = model.step([Row(0, at, [expected], greedy)])
    return same
