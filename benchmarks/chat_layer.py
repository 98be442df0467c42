"""What chat adds to a token: reading answers, rendering prompts, masks; beside transformers' own ways, in one run.

    .venv/bin/python benchmarks/chat_layer.py [--rounds 5]

The tokenizer is trained on this repository's documents with Qwen's tokens; no model runs. The prompt is a conversation
with the box office's tools that grows by a turn. Times are the processor's, so that a busy machine says the same.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from usher_agent.boxoffice.model import offered_tools
from usher_inference.chat.engine import ChatEngine
from usher_inference.chat.template import ChatTemplate
from usher_inference.chat.tokenizer import Tokenizer as ChatTokenizer
from usher_inference.completions.model import FunctionSpec, Message, Prompt
from usher_inference.generation.grammars import Grammars
from usher_inference.generation.model import Token, TokenRequest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
import tiny_qwen  # noqa: E402  from the tests

VOCABULARY = 151_936  # Qwen3's
SAYS = "Two seats in row 12, 90.00 EUR each, fees included. Grüße 🎟️! Shall I hold them for ten minutes?\n" * 10
CALLS = (
    '<tool_call>\n{"name": "open_support_ticket", "arguments": {"subject": "Tickets", "details": "%s"}}\n</tool_call>'
)
TOOLS = [FunctionSpec(**tool["function"]) for tool in offered_tools()]


class Script:
    """A decoder that says prepared ids."""

    context_tokens = 1_000_000

    def __init__(self, ids: Sequence[int]) -> None:
        self.ids = ids

    async def decode(self, request: TokenRequest) -> AsyncGenerator[Token, None]:
        for id in self.ids:
            yield Token(id)

    async def close(self) -> None: ...


def trained() -> Any:
    """Transformers' tokenizer."""
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.BPE())
    bare.normalizer = normalizers.NFC()
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    texts = [path.read_text("utf-8") for path in sorted(ROOT.glob("**/*.md")) if ".venv" not in path.parts]
    letters = pre_tokenizers.ByteLevel.alphabet()
    bare.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=30_000, initial_alphabet=letters, show_progress=False)
    )
    bare.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in tiny_qwen.CONTROL])
    bare.add_tokens([AddedToken(token, special=False, normalized=False) for token in tiny_qwen.MARKS])
    return PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token=tiny_qwen.TURN_END, chat_template=tiny_qwen.TEMPLATE
    )


def seconds(rounds: int, work: Callable[[], object]) -> float:
    """The median of some rounds, after one that does not count."""
    work()
    taken = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return statistics.median(taken)


def answers(theirs: Any, tokenizer: ChatTokenizer, template: ChatTemplate, rounds: int) -> None:
    from transformers import TextStreamer

    class Silent(TextStreamer):
        def on_finalized_text(self, text: str, stream_end: bool = False) -> None: ...

    end = tokenizer.id_of("<|im_end|>")
    assert end is not None
    for what, text in (("text", SAYS), ("a call", CALLS % ("Where are my tickets? " * 80))):
        ids = tokenizer.encode(text)
        prompt = Prompt([Message(role="user", content="hi")], TOOLS)

        async def ours(ids: Sequence[int] = ids, prompt: Prompt = prompt) -> None:
            async for _ in ChatEngine("m", "1", Script([*ids, end]), tokenizer, template).generate(prompt):
                pass

        async def nothing(prompt: Prompt = prompt) -> None:
            async for _ in ChatEngine("m", "1", Script([end]), tokenizer, template).generate(prompt):
                pass

        def streamed(ids: Sequence[int] = ids) -> None:
            streamer = Silent(theirs)
            for id in ids:
                streamer.put(np.array([id]))
            streamer.end()

        cost = seconds(rounds, lambda: asyncio.run(ours())) - seconds(rounds, lambda: asyncio.run(nothing()))
        reference = seconds(rounds, streamed)
        print(
            f"{what}, {len(ids)} tokens: {cost / len(ids) * 1e6:.1f} µs a token (calls read, stops watched); "
            f"transformers' TextStreamer, text alone: {reference / len(ids) * 1e6:.1f}; ratio {reference / cost:.1f}"
        )


def prompts(theirs: Any, tokenizer: ChatTokenizer, template: ChatTemplate, rounds: int) -> None:
    tools = [{"type": "function", "function": tool.model_dump(exclude={"strict"})} for tool in TOOLS]
    turns: list[Message] = []
    engine = ChatEngine("m", "1", Script([0]), tokenizer, template)
    spent, reference = [], []

    async def first_token() -> None:
        async for _ in engine.generate(Prompt(turns, TOOLS)):
            break

    for turn in range(rounds * 4):
        turns += [Message(role="user", content=f"And {turn} more seats? {SAYS[:200]}")]
        began = time.process_time()
        asyncio.run(first_token())
        spent.append(time.process_time() - began)
        plain = [{"role": message.role, "content": message.text()} for message in turns]
        began = time.process_time()
        ids = theirs.apply_chat_template(plain, tools=tools, add_generation_prompt=True, return_dict=False)
        reference.append(time.process_time() - began)
        turns += [Message(role="assistant", content=f"{turn} it is. {SAYS[:150]}")]
    ours, other = statistics.median(spent), statistics.median(reference)
    print(
        f"a prompt of {len(ids)} tokens with {len(TOOLS)} tools, grammar included: {ours * 1e3:.1f} ms; "
        f"transformers' apply_chat_template: {other * 1e3:.1f} ms; ratio {other / ours:.1f}"
    )


def masks(source: str, tokenizer: ChatTokenizer, template: ChatTemplate, rounds: int) -> None:
    """On a vocabulary of Qwen's width; of its tokens as many as the training text gave."""
    end = tokenizer.id_of("<|im_end|>")
    assert end is not None
    grammars = Grammars(source, VOCABULARY, [end])
    grammar = asyncio.run(grammar_of(tokenizer, template))
    choose = seconds(rounds * 20, np.random.default_rng(1).random(VOCABULARY, dtype=np.float32).argmax)
    for what, text in (("text", SAYS), ("a call", CALLS % "Where are my tickets?")):
        ids = tokenizer.encode(text)

        def follow(ids: Sequence[int] = ids) -> None:
            state = grammars.start(grammar)
            for id in ids:
                state.allowed()
                state.accept(id)

        cost = seconds(rounds, follow) / len(ids)
        print(
            f"masks in {what}: {cost * 1e6:.0f} µs a token, {cost / choose:.1f} of a plain argmax over the vocabulary"
        )


async def grammar_of(tokenizer: ChatTokenizer, template: ChatTemplate) -> str:
    kept: list[str] = []

    class Keeper(Script):
        async def decode(self, request: TokenRequest) -> AsyncGenerator[Token, None]:
            kept.append(request.grammar or "")
            yield Token(0)

    prompt = Prompt([Message(role="user", content="hi")], TOOLS)
    async for _ in ChatEngine("m", "1", Keeper([]), tokenizer, template).generate(prompt):
        pass
    return kept[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    theirs = trained()
    source = theirs.backend_tokenizer.to_str()
    tokenizer = ChatTokenizer(source)
    template = ChatTemplate(tiny_qwen.TEMPLATE, {"eos_token": "<|im_end|>"})
    print(f"vocabulary {len(json.loads(source)['model']['vocab'])}")
    answers(theirs, tokenizer, template, rounds)
    prompts(theirs, tokenizer, template, rounds)
    masks(source, tokenizer, template, rounds)


if __name__ == "__main__":
    main()
