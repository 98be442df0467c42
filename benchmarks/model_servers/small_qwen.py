"""A Qwen3 of some 5 million random parameters for measuring, made from a configuration and a seed.

Its tokenizer is trained on this repository's documents. The tokens that end a turn cannot be chosen, so that every
answer has the length that was asked for.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
END, TURN_END = "<|endoftext|>", "<|im_end|>"
CONTEXT_TOKENS = 2048
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def texts() -> list[str]:
    """The documents of this repository."""
    return [path.read_text("utf-8") for path in sorted(ROOT.glob("docs/**/*.md"))]


def questions(count: int, words: tuple[int, int], seed: int = 0) -> list[str]:
    """Passages of the documents of random length, `words` from the shortest to the longest."""
    chance = random.Random(seed)
    line = " ".join(texts()).split()
    found = []
    for _ in range(count):
        start = chance.randrange(len(line) - words[1])
        found.append(" ".join(line[start : start + chance.randint(*words)]))
    return found


def make(folder: Path) -> Path:
    """The model's folder as Hugging Face's libraries save it; what is there already stays."""
    if (folder / "model.safetensors").exists():
        return folder
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    ends = tokenizer.convert_tokens_to_ids([TURN_END, END])
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=704,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=ends[0],
        pad_token_id=ends[1],
    )
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(config).float()
    with torch.no_grad():
        # as drawn, a model repeats one token and hardly prefers any
        for name, weights in model.named_parameters():
            if weights.dim() == 2:
                weights.mul_(3.0 if "embed" in name else 12.0)
        model.model.norm.weight.mul_(8.0)
        model.get_input_embeddings().weight[ends] = (
            0.0  # the same matrix reads out: such a token is never the likeliest
        )
    model.generation_config.eos_token_id = ends
    model.generation_config.pad_token_id = ends[1]
    model.save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=4096,
        special_tokens=[END, "<|im_start|>", TURN_END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bare.train_from_iterator(texts(), trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token=TURN_END, pad_token=END, model_max_length=CONTEXT_TOKENS
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer
