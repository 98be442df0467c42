"""Answering instances: each by itself, so many at once, in order."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from usher_inference.completions import service, wire
from usher_inference.completions.model import ChatRequest
from usher_inference.completions.ports import GRACE_SECONDS, Models
from usher_inference.completions.service import Completion
from usher_inference.vertex.limits import Limits
from usher_inference.vertex.model import Predict, RawChat, is_chat, read_request
from usher_shared.clock import Clock
from usher_shared.errors import InvalidRequest, RateLimited, Unavailable, UpstreamTimeout, UsherError
from usher_shared.ids import IdGenerator

_LOG = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0  # where a refusal does not say


@dataclass(frozen=True, slots=True)
class Predictor:
    """Answers by the models in service; an instance that names none is for the first of them."""

    models: Models
    clock: Clock
    ids: IdGenerator
    limits: Limits

    def start(self, asked: Predict | RawChat) -> Completion:
        """The completion of a chat request. Raises NotFound, InvalidRequest and Unavailable (nothing is loaded yet)."""
        if isinstance(asked, RawChat):
            request = self._read(asked.request, {})
        else:
            request = self._read(asked.chat, asked.parameters)
        if request.stream and self.limits.shared:
            raise InvalidRequest("a shared endpoint does not stream", extra={"param": "stream"})
        return self._start(request, self.limits.deadline_seconds)

    async def predict(self, asked: Predict) -> list[dict[str, Any]]:
        """One entry an instance, in their order; what fails is an entry with `error`.

        Those that find no room are tried again as long as that gets some of them in.

        Raises RateLimited or Unavailable when there was room for none of them: the request may be repeated whole.
        """
        started = time.monotonic()
        answers: list[dict[str, Any] | UsherError] = await self._answer_all(asked.instances, asked.parameters, started)
        while crowded := [at for at, each in enumerate(answers) if isinstance(each, RateLimited)]:
            if len(crowded) == len(answers) or not await self._waited(answers, crowded, started):
                break
            again = await self._answer_all([asked.instances[at] for at in crowded], asked.parameters, started)
            for at, each in zip(crowded, again, strict=True):
                answers[at] = each
            if all(isinstance(each, RateLimited) for each in again):
                break
        refusals = [each for each in answers if isinstance(each, RateLimited | Unavailable)]
        if len(refusals) == len(answers):
            raise refusals[0]
        return [
            _failed(each, found) if isinstance(each, UsherError) else each
            for each, found in zip(answers, asked.instances, strict=True)
        ]

    async def predict_one(
        self, found: Any, parameters: dict[str, Any], deadline: float | None = None
    ) -> dict[str, Any]:
        """The prediction for one instance. Raises UsherError."""
        request = self._read(found, parameters)
        async with self._start(request, deadline) as completion:
            whole = await wire.render_whole(completion, self.ids, self.clock.now())
            return whole if is_chat(found) else _prediction(whole, completion.engine.version)

    async def complete(self, completion: Completion) -> dict[str, Any]:
        """The `chat.completion` object of a completion that was started."""
        async with completion:
            return await wire.render_whole(completion, self.ids, self.clock.now())

    async def predict_chat(self, completion: Completion) -> dict[str, Any] | list[dict[str, Any]]:
        """`predictions` for a chat completion that was the only instance: itself, or in a list on a shared endpoint."""
        whole = await self.complete(completion)
        return [whole] if self.limits.shared else whole

    async def _answer_all(
        self, instances: Sequence[Any], parameters: dict[str, Any], started: float
    ) -> list[dict[str, Any] | UsherError]:
        room = asyncio.Semaphore(self.limits.concurrency)

        async def answer(found: Any) -> dict[str, Any] | UsherError:
            async with room:
                return await self._answer(found, parameters, started)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(answer(found)) for found in instances]
        return [task.result() for task in tasks]

    async def _waited(self, answers: Sequence[Any], crowded: Sequence[int], started: float) -> bool:
        """Waits as long as the refusals say; False, at once, when the request's time would be over then."""
        pause = max(answers[at].retry_after_seconds or _RETRY_SECONDS for at in crowded)
        if (
            self.limits.deadline_seconds is not None
            and time.monotonic() + pause > started + self.limits.deadline_seconds
        ):
            return False
        await asyncio.sleep(pause)
        return True

    async def _answer(self, found: Any, parameters: dict[str, Any], started: float) -> dict[str, Any] | UsherError:
        try:
            left = self._left(started)
            async with asyncio.timeout(None if left is None else left + GRACE_SECONDS):
                return await self.predict_one(found, parameters, left)
        except UsherError as error:
            return error
        except TimeoutError:
            return UpstreamTimeout(f"no whole answer within the request's {self.limits.deadline_seconds:g} seconds")
        except Exception as error:  # whatever it is, its neighbours have their answers
            _LOG.error("an instance failed", exc_info=error)
            return UsherError("an unexpected error occurred; it was logged")

    def _read(self, found: Any, parameters: dict[str, Any]) -> ChatRequest:
        served = self.models.all()
        if not served:
            raise Unavailable("no model is loaded yet", code="model_loading", retry_after_seconds=5)
        # whoever names no model means what was deployed last; without a release, the first of what is built in
        latest = max(served, key=lambda each: each.since)
        return read_request(found, parameters, latest.engine.model)

    def _start(self, request: ChatRequest, deadline_seconds: float | None) -> Completion:
        most = self.limits.max_messages
        return service.start(self.models, request, max_messages=most, deadline_seconds=deadline_seconds)

    def _left(self, started: float) -> float | None:
        """Seconds of the request that are left. Raises UpstreamTimeout when there are none."""
        if self.limits.deadline_seconds is None:
            return None
        left = started + self.limits.deadline_seconds - time.monotonic()
        if left <= 0:
            raise UpstreamTimeout(f"the request's {self.limits.deadline_seconds:g} seconds are over")
        return left


def _prediction(whole: dict[str, Any], version: str) -> dict[str, Any]:
    """A completion as an instance's prediction."""
    choice = whole["choices"][0]
    return {
        "response": choice["message"]["content"] or "",
        "tool_calls": choice["message"].get("tool_calls", []),
        "finish_reason": choice["finish_reason"],
        "usage": whole["usage"],
        "model": whole["model"],
        "model_version": version,
    }


def _failed(error: UsherError, found: Any) -> dict[str, Any]:
    problem = {**wire.render_problem(error), "status": error.http_status}
    if is_chat(found):
        return {"error": problem}
    return {"response": None, "tool_calls": [], "error": problem}
