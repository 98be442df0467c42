"""The parts of vLLM 0.33.0 that VllmDecoder touches, with vLLM's names and parameters; its engine does as it is told.

Signatures as read in the published wheel: vllm/v1/engine/async_llm.py, vllm/sampling_params.py, vllm/outputs.py,
vllm/logprobs.py, vllm/inputs/engine.py, vllm/engine/arg_utils.py, vllm/lora/request.py, vllm/exceptions.py. An unknown
parameter is an error here, as it is there.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import ModuleType
from typing import Any


class VLLMError(Exception): ...


class VLLMClientError(VLLMError): ...


class VLLMServerError(VLLMError): ...


class VLLMValidationError(VLLMClientError): ...


class EngineGenerateError(VLLMServerError): ...


class EngineDeadError(VLLMServerError): ...


class RequestOutputKind(Enum):
    CUMULATIVE = 0
    DELTA = 1
    FINAL_ONLY = 2


@dataclass
class StructuredOutputsParams:
    json: str | dict[str, Any] | None = None
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    json_object: bool | None = None
    disable_any_whitespace: bool = False
    disable_additional_properties: bool = False
    whitespace_pattern: str | None = None
    structural_tag: str | None = None


@dataclass
class SamplingParams:
    n: int = 1
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None
    stop: str | list[str] | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool = False
    max_tokens: int | None = 16
    min_tokens: int = 0
    logprobs: int | None = None
    detokenize: bool = True
    skip_special_tokens: bool = True
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE
    structured_outputs: StructuredOutputsParams | None = None

    def __post_init__(self) -> None:
        if not -2.0 <= self.presence_penalty <= 2.0:
            raise VLLMValidationError(f"presence_penalty must be in [-2, 2], got {self.presence_penalty}.")


@dataclass
class Logprob:
    logprob: float
    rank: int | None = None
    decoded_token: str | None = None


@dataclass
class CompletionOutput:
    index: int
    text: str
    token_ids: Sequence[int]
    cumulative_logprob: float | None
    logprobs: list[dict[int, Logprob]] | None
    finish_reason: str | None = None


@dataclass
class RequestOutput:
    request_id: str
    outputs: list[CompletionOutput]
    finished: bool
    num_cached_tokens: int | None = None


@dataclass
class LoRARequest:
    lora_name: str
    lora_int_id: int
    lora_path: str = ""


@dataclass
class StructuredOutputsConfig:
    backend: str = "auto"


@dataclass
class AsyncEngineArgs:
    model: str
    dtype: str = "auto"
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    max_logprobs: int = 20
    quantization: str | None = None
    structured_outputs_config: StructuredOutputsConfig = field(default_factory=StructuredOutputsConfig)
    generation_config: str = "auto"
    trust_remote_code: bool = False
    disable_log_stats: bool = False
    enable_log_requests: bool = False
    enable_lora: bool = False
    max_loras: int = 1
    max_lora_rank: int = 16


def tokens_input(
    prompt_token_ids: list[int], *, prompt: str | None = None, cache_salt: str | None = None
) -> dict[str, Any]:
    return {"type": "token", "prompt_token_ids": prompt_token_ids}


Script = Callable[[list[int], SamplingParams], AsyncGenerator[tuple[list[int], list[dict[int, Logprob]] | None], None]]


class AsyncLLM:
    """Answers by `script`, which gives the new tokens of each output with their log probabilities."""

    def __init__(self, script: Script | None = None, args: AsyncEngineArgs | None = None) -> None:
        self.script, self.args = script, args
        self.asked: list[tuple[dict[str, Any], SamplingParams, str, LoRARequest | None]] = []
        self.aborted: list[str] = []
        self.shut = False

    @classmethod
    def from_engine_args(cls, engine_args: AsyncEngineArgs) -> AsyncLLM:
        return cls(args=engine_args)

    async def generate(
        self,
        prompt: dict[str, Any],
        sampling_params: SamplingParams,
        request_id: str,
        *,
        prompt_text: str | None = None,
        lora_request: LoRARequest | None = None,
        priority: int = 0,
    ) -> AsyncGenerator[RequestOutput, None]:
        assert self.script is not None
        self.asked.append((prompt, sampling_params, request_id, lora_request))
        try:
            async for ids, chances in self.script(prompt["prompt_token_ids"], sampling_params):
                yield RequestOutput(request_id, [CompletionOutput(0, "", ids, None, chances)], False, 3)
        except (asyncio.CancelledError, GeneratorExit):
            self.aborted.append(request_id)
            raise

    def shutdown(self, timeout: float | None = None) -> None:
        self.shut = True


_HERE = sys.modules[__name__]
_PLACES = {
    "vllm": ["SamplingParams"],
    "vllm.exceptions": ["VLLMClientError"],
    "vllm.sampling_params": ["RequestOutputKind", "StructuredOutputsParams"],
    "vllm.inputs": ["tokens_input"],
    "vllm.config": ["StructuredOutputsConfig"],
    "vllm.engine": [],
    "vllm.engine.arg_utils": ["AsyncEngineArgs"],
    "vllm.lora": [],
    "vllm.lora.request": ["LoRARequest"],
    "vllm.v1": [],
    "vllm.v1.engine": [],
    "vllm.v1.engine.async_llm": ["AsyncLLM"],
    "vllm.v1.engine.exceptions": ["EngineDeadError", "EngineGenerateError"],
}


def modules() -> dict[str, ModuleType]:
    """As `sys.modules` would have them."""
    found = {}
    for place, names in _PLACES.items():
        found[place] = module = ModuleType(place)
        for name in names:
            setattr(module, name, getattr(_HERE, name))
    return found
