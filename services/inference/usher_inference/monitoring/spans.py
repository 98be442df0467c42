"""Spans of an answer, by OpenTelemetry's conventions for generative models; what was said is in none of them.

Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/ (status: development). Names that begin with
`usher.` are our own.
"""

from __future__ import annotations

from usher_inference.completions.model import Finished, Prompt
from usher_inference.completions.ports import Served
from usher_shared.telemetry import begin_span
from usher_shared.telemetry.tracing import OpenSpan, SpanKind, is_tracing

_SAMPLING = ("temperature", "top_p", "top_k", "seed", "presence_penalty", "frequency_penalty")


def begin_chat(served: Served, conversation_id: str | None, prompt: Prompt) -> OpenSpan:
    """The span of one answer."""
    if not is_tracing():
        return OpenSpan(None)
    model = served.engine.model
    known: dict[str, str | int | float | list[str] | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "usher",
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.output.type": "text" if prompt.json is None else "json",
        "gen_ai.conversation.id": conversation_id,
        "gen_ai.request.max_tokens": prompt.max_tokens,
        "usher.model.version": served.engine.version,
        "usher.model.variant": served.variant,
        "usher.request.messages": len(prompt.messages),
        "usher.request.tools": len(prompt.tools),
    }
    for name in _SAMPLING:
        known[f"gen_ai.request.{name}"] = getattr(prompt.sampling, name)
    told = {name: value for name, value in known.items() if value is not None}
    return begin_span(f"chat {model}", SpanKind.INTERNAL, told)


def end_chat(span: OpenSpan, finished: Finished | None, first_piece_seconds: float, error: str) -> None:
    """`finished` is None for an answer that was not heard to its end; an empty `error` means that none was raised."""
    told: dict[str, str | int | float | list[str]] = {}
    if first_piece_seconds:
        told["gen_ai.response.time_to_first_chunk"] = first_piece_seconds
    if finished is not None:
        told |= {
            "gen_ai.response.finish_reasons": [finished.reason],
            "gen_ai.usage.input_tokens": finished.usage.prompt_tokens,
            "gen_ai.usage.output_tokens": finished.usage.completion_tokens,
            "gen_ai.usage.cache_read.input_tokens": finished.usage.cached_tokens,
        }
    span.end(told, error=error)
