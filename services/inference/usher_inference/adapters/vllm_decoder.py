"""Decoder over vLLM's AsyncLLM, which batches, caches and constrains by itself.

Written against vLLM 0.33.0: `vllm.v1.engine.async_llm.AsyncLLM.generate`, `vllm.SamplingParams`, `vllm.inputs`.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Literal

from usher_inference.generation.model import Token, TokenRequest, too_long
from usher_inference.metrics import EngineMetrics, Outcome
from usher_shared.errors import InvalidRequest, RateLimited, Unavailable, UpstreamFailed, UpstreamTimeout

_MOST_LOGPROBS = 20  # OpenAI's
_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)  # of LoRA adapters, that vLLM has kernels for


class VllmDecoder:
    """`engine` is an AsyncLLM. At most `most_at_once` requests run or wait in it; one more is refused.

    An `adapter` is vLLM's LoRARequest, for a LoRA adapter that is not merged. Log probabilities are of the model's
    own logits (vLLM's `raw_logprobs`): before masks and penalties, unlike a Batcher's.
    """

    def __init__(
        self, engine: Any, metrics: EngineMetrics, *, context_tokens: int, most_at_once: int, adapter: Any = None
    ) -> None:
        self._engine = engine
        self._metrics = metrics
        self._context = context_tokens
        self._most_at_once = most_at_once
        self._adapter = adapter
        self._inside = 0
        self._closing = False
        self._empty = asyncio.Event()
        self._empty.set()
        self._seconds_a_request = 1.0  # a moving average, for Retry-After

    @property
    def context_tokens(self) -> int:
        return self._context

    async def decode(self, request: TokenRequest) -> AsyncGenerator[Token, None]:
        params = self._params(request)
        self._enter()
        visit = _Visit(self._metrics)
        outputs = self._outputs(request, params)
        outcome: Outcome = "failed"
        last: int | None = None
        try:
            async for output in outputs:
                for token in _tokens(output, request, last is None):
                    visit.token(token.cached)
                    last = token.id
                    yield token
            outcome = "stop" if last in request.stop_ids else "length"
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "stop" if last in request.stop_ids else "cancelled"
            raise
        except UpstreamTimeout:
            outcome = "deadline"
            raise
        finally:
            await outputs.aclose()
            self._leave(visit.end(outcome))

    async def close(self) -> None:
        self._closing = True
        await self._empty.wait()
        await asyncio.to_thread(self._engine.shutdown)
        self._metrics.unloaded()

    def _params(self, request: TokenRequest) -> Any:
        """vLLM's parameters. Raises InvalidRequest for a prompt that leaves no room, and for what vLLM refuses."""
        from vllm import SamplingParams
        from vllm.exceptions import VLLMClientError
        from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams

        room = self._context - len(request.prompt)
        if not request.prompt:
            raise InvalidRequest("the prompt is empty", extra={"param": "messages"})
        if room < 1:
            self._metrics.refused("too_long")
            raise too_long(request, self._context)
        wanted = request.sampling
        try:
            return SamplingParams(
                temperature=wanted.temperature,
                top_k=wanted.top_k,
                top_p=wanted.top_p,
                min_p=wanted.min_p,
                seed=wanted.seed,
                presence_penalty=wanted.presence_penalty,
                frequency_penalty=wanted.frequency_penalty,
                repetition_penalty=wanted.repetition_penalty,
                max_tokens=max(1, min(request.max_tokens, room)),
                stop_token_ids=sorted(request.stop_ids),
                ignore_eos=True,  # the stop ids are all that ends an answer
                logprobs=request.top_logprobs,
                detokenize=False,
                output_kind=RequestOutputKind.DELTA,
                structured_outputs=StructuredOutputsParams(grammar=request.grammar) if request.grammar else None,
            )
        except (VLLMClientError, ValueError) as error:
            raise InvalidRequest(f"vLLM refuses: {error}", code="invalid_request") from error

    def _enter(self) -> None:
        if self._closing:
            self._metrics.refused("closing")
            raise Unavailable("the model is being replaced", code="closing", retry_after_seconds=1)
        if self._inside >= self._most_at_once:
            self._metrics.refused("queue_full")
            raise RateLimited(
                "too many requests wait for this model",
                code="overloaded",
                retry_after_seconds=max(1.0, self._seconds_a_request),
            )
        self._inside += 1
        self._empty.clear()

    def _leave(self, took_seconds: float) -> None:
        self._seconds_a_request += 0.1 * (took_seconds - self._seconds_a_request)
        self._inside -= 1
        if not self._inside:
            self._empty.set()

    async def _outputs(self, request: TokenRequest, params: Any) -> AsyncGenerator[Any, None]:
        """vLLM's outputs as they come, with its errors as ours. Closing it aborts the request in vLLM."""
        from vllm.exceptions import VLLMClientError
        from vllm.inputs import tokens_input
        from vllm.v1.engine.exceptions import EngineDeadError, EngineGenerateError

        answer: AsyncGenerator[Any, None] = self._engine.generate(
            tokens_input(list(request.prompt)), params, uuid.uuid4().hex, lora_request=self._adapter
        )
        try:
            async for output in _until(answer, request.deadline_seconds):
                yield output
        except VLLMClientError as error:
            code = "invalid_grammar" if request.grammar else "invalid_request"
            raise InvalidRequest(f"vLLM refuses: {error}", code=code) from error
        except EngineDeadError as error:
            raise Unavailable("vLLM's engine has died", code="model_broken", retry_after_seconds=5) from error
        except EngineGenerateError as error:
            raise UpstreamFailed("vLLM failed at this request", code="step_failed") from error
        finally:
            await answer.aclose()


class _Visit:
    """One request's stay, measured. vLLM says nothing of its queue: a request counts as let in at its first token."""

    def __init__(self, metrics: EngineMetrics) -> None:
        self._metrics = metrics
        self._began = self._last = time.monotonic()
        self._tokens = 0
        metrics.queued()

    def token(self, cached: int) -> None:
        now = time.monotonic()
        if self._tokens == 0:
            self._metrics.admitted(now - self._began, cached)
            self._metrics.first_token(now - self._began)
        else:
            self._metrics.between_tokens(now - self._last)
        self._last = now
        self._tokens += 1

    def end(self, outcome: Outcome) -> float:
        """Seconds since it began."""
        (self._metrics.finished if self._tokens else self._metrics.left_queue)(outcome)
        return time.monotonic() - self._began


async def _until(answer: AsyncIterator[Any], seconds: float | None) -> AsyncGenerator[Any, None]:
    """The answer's pieces. Raises UpstreamTimeout when they take longer altogether; waiting for a reader counts."""
    ends = None if seconds is None else time.monotonic() + seconds
    while True:
        try:
            left = None if ends is None else ends - time.monotonic()
            yield await asyncio.wait_for(anext(answer), left)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise UpstreamTimeout(f"no whole answer within {seconds:g} s") from None


def _tokens(output: Any, request: TokenRequest, first: bool) -> Iterator[Token]:
    [completion] = output.outputs
    for at, id in enumerate(completion.token_ids):
        cached = (output.num_cached_tokens or 0) if first and at == 0 else 0
        if request.top_logprobs is None:
            yield Token(id, cached=cached)
            continue
        chances = {each: found.logprob for each, found in completion.logprobs[at].items()}
        likeliest = sorted(chances.items(), key=lambda pair: -pair[1])[: request.top_logprobs]
        yield Token(id, chances[id], tuple(likeliest), cached)


def load_vllm(
    folder: Path,
    metrics: EngineMetrics,
    *,
    adapter: Path | None = None,
    precision: Literal["auto", "float32", "bfloat16", "4bit"] = "auto",
    slots: int = 64,
    context_tokens: int | None = None,
    most_waiting: int = 64,
) -> VllmDecoder:
    """vLLM on a folder of Hugging Face's, `slots` requests at once. Takes minutes, in any thread.

    An `adapter` is applied unmerged: vLLM cannot merge one (a merged folder is faster). Grammars are llguidance's,
    vLLM's backend `guidance`. Nothing is downloaded, no code of the folder is run. Raises what vLLM raises.
    """
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    from vllm.config import StructuredOutputsConfig
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.lora.request import LoRARequest
    from vllm.v1.engine.async_llm import AsyncLLM

    config = json.loads((folder / "config.json").read_text())
    limit = config.get("text_config", config).get("max_position_embeddings")
    context = min(context_tokens or limit or 4096, limit or 1 << 30)
    more: dict[str, Any] = {}
    if adapter is not None:
        rank = json.loads((adapter / "adapter_config.json").read_text())["r"]
        more |= {"enable_lora": True, "max_loras": 1, "max_lora_rank": min(each for each in _RANKS if each >= rank)}
    if precision == "4bit":
        more |= {"quantization": "bitsandbytes"}
    engine = AsyncLLM.from_engine_args(
        AsyncEngineArgs(
            model=str(folder),
            dtype=precision if precision in {"float32", "bfloat16"} else "auto",
            max_model_len=context,
            max_num_seqs=slots,
            max_logprobs=_MOST_LOGPROBS,
            structured_outputs_config=StructuredOutputsConfig(backend="guidance"),
            generation_config="vllm",  # sampling is the release's, not that of generation_config.json
            trust_remote_code=False,
            disable_log_stats=True,
            enable_log_requests=False,
            **more,
        )
    )
    lora = None if adapter is None else LoRARequest("adapter", 1, str(adapter))
    return VllmDecoder(engine, metrics, context_tokens=context, most_at_once=slots + most_waiting, adapter=lora)
