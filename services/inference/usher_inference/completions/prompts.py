"""What a request asks of an engine."""

from __future__ import annotations

from collections.abc import Sequence

from usher_inference.completions.model import (
    ChatRequest,
    FunctionSpec,
    JsonSchema,
    NamedTool,
    Prompt,
    SamplingWishes,
)
from usher_shared.errors import InvalidRequest

_ANY_OBJECT = JsonSchema.model_validate({"name": "json_object", "schema": {"type": "object"}})
_NO_WISHES = SamplingWishes()
_LEAST_TOP_P = 1e-6  # 0 is OpenAI's way to say: the likeliest token alone


def read_prompt(request: ChatRequest, *, max_messages: int, deadline_seconds: float | None = None) -> Prompt:
    """The prompt. Raises InvalidRequest, naming the field, for what no engine here serves."""
    if len(request.messages) > max_messages:
        raise _refused(f"more than {max_messages} messages", "messages")
    if request.n is not None and request.n > 1:
        raise _refused("only one choice a request is served: n has to be 1", "n")
    if request.logit_bias:
        raise _refused("logit_bias is not served", "logit_bias")
    if request.top_logprobs is not None and not request.logprobs:
        raise _refused("top_logprobs needs logprobs to be true", "top_logprobs")
    tools, forced = _choose_tools([tool.function for tool in request.tools or ()], request)
    return Prompt(
        messages=request.messages,
        tools=tools,
        forced=forced,
        json=_schema(request),
        sampling=_sampling(request),
        max_tokens=request.token_limit,
        stops=request.stops,
        top_logprobs=request.top_logprobs or 0 if request.logprobs else None,
        parallel_calls=request.parallel_tool_calls is not False,
        deadline_seconds=deadline_seconds,
    )


def _refused(detail: str, param: str) -> InvalidRequest:
    return InvalidRequest(detail, extra={"param": param})


def _schema(request: ChatRequest) -> JsonSchema | None:
    wanted = request.response_format
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return _ANY_OBJECT
    if wanted.type != "json_schema":
        raise _refused(f"response_format {wanted.type} is not served", "response_format")
    if wanted.json_schema is None:
        raise _refused("response_format json_schema needs `json_schema`", "response_format")
    return wanted.json_schema


def _sampling(request: ChatRequest) -> SamplingWishes:
    if request.model_fields_set.isdisjoint(SamplingWishes.__slots__):
        return _NO_WISHES
    return SamplingWishes(
        temperature=request.temperature,
        top_k=None if request.top_k is None else max(0, request.top_k),
        top_p=None if request.top_p is None else max(_LEAST_TOP_P, request.top_p),
        min_p=request.min_p,
        seed=request.seed,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        repetition_penalty=request.repetition_penalty,
    )


def _choose_tools(offered: Sequence[FunctionSpec], request: ChatRequest) -> tuple[Sequence[FunctionSpec], bool]:
    choice = request.tool_choice
    if choice == "none":
        return (), False
    if choice is None or choice == "auto":
        return offered, False
    wanted = [t for t in offered if t.name == choice.function.name] if isinstance(choice, NamedTool) else offered
    if not wanted:
        raise _refused("tool_choice asks for a tool that is not among `tools`", "tool_choice")
    return wanted, True
