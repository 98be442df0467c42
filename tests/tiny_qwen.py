"""A Qwen3 of some 100,000 random parameters: tokenizer, chat template with tools, LoRA adapter, ONNX graph.

Made once a machine: the folder below `build/` is named for this file and for the libraries that make it. Weights are
drawn from a seed, so that answers are nonsense, but always the same and of many different tokens. `folder()` and
`adapter()` need torch, transformers and peft, `onnx()` also the model builder.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from usher_inference.adapters.onnx_conversion import Precision

ROOT = Path(__file__).resolve().parents[1]
CONVERTER = ROOT / "services/inference/usher_inference/adapters/onnx_conversion.py"
MAKERS = ("torch", "transformers", "tokenizers", "peft", "onnxruntime-genai", "onnxruntime")
CONTEXT_TOKENS = 512
VOCABULARY = 640  # rows of the embedding; the tokenizer knows fewer, as Qwen's does
END, TURN_END = "<|endoftext|>", "<|im_end|>"
CONTROL = (END, "<|im_start|>", TURN_END)
MARKS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>")
# the shape is Qwen's: a schema a line between <tools>, calls and responses between tags, responses in a user's turn
TEMPLATE = """\
{%- set start, end = '<|im_start|>', '<|im_end|>\\n' %}
{%- set own = messages[0].content if messages[0].role == 'system' else '' %}
{%- if tools or own %}{{- start + 'system\\n' + own }}
{%- if tools %}{{- ('\\n\\n' if own else '') + '# Tools\\n\\nFunctions that you may call:\\n<tools>' }}
{%- for tool in tools %}{{- '\\n' + (tool | tojson) }}{%- endfor %}
{{- '\\n</tools>\\n\\nA call is a JSON object with name and arguments:\\n' }}
{{- '<tool_call>\\n{"name": ..., "arguments": ...}\\n</tool_call>' }}
{%- endif %}{{- end }}{%- endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}
{%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- start + 'user' }}{%- endif %}
{{- '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}
{%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- end }}{%- endif %}
{%- elif message.role == 'assistant' %}{{- start + 'assistant\\n' + (message.content or '') }}
{%- for call in message.tool_calls or [] %}{%- set function = call.function if call.function else call %}
{{- '\\n' if message.content or not loop.first else '' }}
{{- '<tool_call>\\n{"name": "' + function.name + '", "arguments": ' }}
{{- function.arguments if function.arguments is string else function.arguments | tojson }}{{- '}\\n</tool_call>' }}
{%- endfor %}{{- end }}
{%- elif message.role != 'system' or not loop.first %}{{- start + message.role + '\\n' + message.content + end }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- start + 'assistant\\n' }}{%- endif %}
"""
CORPUS = (
    "two tickets for the concert tonight, please, not too far up and not behind a pillar",
    "hold_tickets create_order list_events get_event refund_order event_id quantity section row seat price total",
    '{"name": "hold_tickets", "arguments": {"event_id": "evt_1", "quantity": 2, "section": "A", "seats": [1, 2, 3]}}',
    '{"type": "function", "function": {"description": "", "parameters": {"type": "object", "properties": {}}}',
    "The hold ends in ten minutes. Shall I buy the two seats in row 12 for 90.00 EUR, fees included? Yes, buy them.",
    "system user assistant tool Functions that you may call, A call is a JSON object with name and arguments",
    "Grüße, voilà, ¿cuántas entradas?, 明日のチケット, 🎟️ 🎭",
)


def folder() -> Path:
    """The model as Hugging Face's libraries save it, in float32."""
    return _made("model", _make_model)


def adapter() -> Path:
    """A LoRA adapter for it that changes its answers, as peft saves it."""
    return _made("adapter", _make_adapter)


def merged() -> Path:
    """The model with the adapter merged into its weights."""
    return _made("merged", _make_merged)


def onnx(precision: Precision = "fp32") -> Path:
    """The model converted for onnxruntime: `fp32`, `int8` or `int4`."""
    return _made(f"onnx-{precision}", lambda target: _convert(folder(), target, precision))


def onnx_merged() -> Path:
    """The merged model converted for onnxruntime: a second version that answers otherwise."""
    return _made("onnx-merged", lambda target: _convert(merged(), target, "fp32"))


@cache
def _made(name: str, make: Callable[[Path], None]) -> Path:
    sources = [path.read_text("utf-8") for path in (Path(__file__), CONVERTER)]
    made_from = " ".join([*sources, *(f"{package} {version(package)}" for package in MAKERS)])
    home = ROOT / "build" / "tiny-qwen" / hashlib.sha256(made_from.encode()).hexdigest()[:16]
    home.mkdir(parents=True, exist_ok=True)
    target = home / name
    with _lock(home / f"{name}.lock"):
        if not target.exists():
            with tempfile.TemporaryDirectory(dir=home) as scratch:
                make(Path(scratch, name))
                Path(scratch, name).rename(target)
    return target


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make_model(target: Path) -> None:
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    tokenizer = _tokenizer()
    tokenizer.save_pretrained(target)
    turn_end, end = tokenizer.convert_tokens_to_ids([TURN_END, END])
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=turn_end,
        pad_token_id=end,
    )
    torch.manual_seed(7)
    model = Qwen3ForCausalLM(config).float()
    with torch.no_grad():
        # as drawn, a model repeats one token and hardly prefers any: layers speak louder than the last token does
        for name, weights in model.named_parameters():
            if weights.dim() == 2:
                weights.mul_(3.0 if "embed" in name else 12.0)
        model.model.norm.weight.mul_(8.0)
        model.get_input_embeddings().weight[len(tokenizer) :] = 0.0
    model.generation_config.eos_token_id = [turn_end, end]
    model.generation_config.pad_token_id = end
    model.save_pretrained(target)


def _tokenizer() -> Any:
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bare = Tokenizer(models.BPE())
    bare.normalizer = normalizers.NFC()
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    size = VOCABULARY - 24 - len(CONTROL) - len(MARKS)
    bare.train_from_iterator(
        CORPUS, trainers.BpeTrainer(vocab_size=size, initial_alphabet=letters, show_progress=False)
    )
    bare.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    bare.add_tokens([AddedToken(token, special=False, normalized=False) for token in MARKS])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, eos_token=TURN_END, pad_token=END, model_max_length=CONTEXT_TOKENS
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _make_adapter(target: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(11)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"], init_lora_weights=False)
    get_peft_model(AutoModelForCausalLM.from_pretrained(folder()), lora).save_pretrained(target)


def _make_merged(target: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    tuned = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder()), str(adapter()))
    tuned.merge_and_unload().save_pretrained(target)
    for file in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(folder() / file, target)


def _convert(source: Path, target: Path, precision: Precision) -> None:
    from usher_inference.adapters.onnx_conversion import convert

    convert(source, target, precision=precision)
