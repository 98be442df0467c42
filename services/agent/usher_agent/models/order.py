"""Models in the order in which they are asked: when one fails, the next one answers instead.

The rules. A failure before any text was heard is repeated once with the same model if it was not reached or is
overloaded and names no long wait; then the next model is asked. A model that fails three times in a row is left alone
for a while, then one request tries it for all (`usher_shared.outage`); one that asks for a pause gets it. The last
model is always asked: without it there is no answer at all. Text that was heard from a model that failed is taken
back before another one speaks, so that no message is of two minds. Asking twice is safe: a completion has no effect
but its price.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from usher_agent.models.ports import ChatModel, Completion, CompletionRequest, Listener, Refused
from usher_agent.models.prices import Price, cost_nanos, largest_cost_nanos
from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout, UsherError
from usher_shared.outage import Outage

_LOG = logging.getLogger(__name__)
_FAILURES = 3
_LEFT_ALONE_SECONDS = 10.0
_LONGEST_LEFT_ALONE_SECONDS = 120.0
_LONGEST_PAUSE_SECONDS = 2.0
_SHORT_PAUSE_SECONDS = (0.05, 0.25)
_RESERVED_SECONDS = 5.0  # of the turn's time, for each model that may still have to be asked


@dataclass(slots=True)
class Candidate:
    """One model of the order. `name` is for logs and events; `price` None: not known."""

    name: str
    model: ChatModel
    timeout_seconds: float
    price: Price | None = None
    outage: Outage = field(init=False)

    def __post_init__(self) -> None:
        self.outage = Outage(
            f"the model {self.name} fails",
            f"the model {self.name} answers again",
            _LEFT_ALONE_SECONDS,
            failures=_FAILURES,
        )

    def note(self, error: UsherError) -> None:
        """Remember a failure, unless it says nothing about the model's health."""
        if isinstance(error, Refused):
            return
        leave = error.retry_after_seconds
        self.outage.note_failure(
            error, leave_seconds=None if leave is None else min(leave, _LONGEST_LEFT_ALONE_SECONDS)
        )


class _Heard:
    """The listener, and whether it has heard anything that still stands."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self.anything = False

    def __call__(self, text: str, /) -> None:
        self.anything = True
        self._listener(text)

    def start_over(self) -> None:
        if self.anything:
            self.anything = False
            self._listener.start_over()


class ModelOrder:
    """A ChatModel of ChatModels. At least one candidate; their names differ."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        if not candidates:
            raise ValueError("there has to be a model")
        if len({candidate.name for candidate in candidates}) < len(candidates):
            raise ValueError("two models have the same name")
        self._candidates = tuple(candidates)
        self._free = tuple(c for c in candidates if c.price is not None and c.price.is_free)

    async def complete(self, request: CompletionRequest, on_text: Listener | None = None) -> Completion:
        """As ChatModel; the answer says what it cost and who was passed over.

        Raises what the last model raises; its `extra` names all that failed, as `models_passed_over`.
        """
        candidates = self._eligible(request)
        heard = None if on_text is None else _Heard(on_text)
        deadline = asyncio.get_running_loop().time() + request.timeout_seconds
        passed: list[str] = []
        for later in range(len(candidates) - 1, -1, -1):
            candidate = candidates[-1 - later]
            if later and (candidate.name in request.avoid or candidate.outage.holds()):
                passed.append(candidate.name)
                continue
            try:
                completion = await self._ask(candidate, request, heard, deadline, later)
            except UsherError as error:
                candidate.note(error)
                _LOG.warning(
                    "a model failed" + ("; another one is asked" if later else ""),
                    extra={"model": candidate.name, "code": error.code, "detail": error.detail},
                )
                passed.append(candidate.name)
                if not later:
                    error.extra["models_passed_over"] = passed
                    raise
                if heard is not None:
                    heard.start_over()
                continue
            candidate.outage.note_success()
            return replace(
                completion,
                cost_nanos=cost_nanos(candidate.price, completion),
                charged_nanos=largest_cost_nanos(candidate.price, request, completion),
                passed_over=tuple(passed),
                candidate=candidate.name if later else None,
            )
        raise AssertionError("the last model is always asked")

    def _eligible(self, request: CompletionRequest) -> tuple[Candidate, ...]:
        """Raises Unavailable (`budget_spent`) when the budget is spent and every model costs something."""
        if not request.free_only:
            return self._candidates
        if not self._free:
            raise Unavailable("the budget for models is spent", code="budget_spent")
        return self._free

    async def _ask(
        self, candidate: Candidate, request: CompletionRequest, heard: _Heard | None, deadline: float, later: int
    ) -> Completion:
        """One model's answer, asked a second time where that is safe and soon. Raises UsherError children."""
        loop = asyncio.get_running_loop()
        again = True
        while True:
            left = deadline - loop.time()
            left -= min(_RESERVED_SECONDS * later, left / 2)
            if left <= 0:
                raise UpstreamTimeout("there is no time left for a model")
            try:
                timeout = min(candidate.timeout_seconds, left)
                return await candidate.model.complete(replace(request, timeout_seconds=timeout), heard)
            except Unavailable as error:
                pause = error.retry_after_seconds
                if pause is None:
                    pause = random.uniform(*_SHORT_PAUSE_SECONDS)
                elif pause:
                    pause *= random.uniform(1.0, 1.2)
                if not again or (heard is not None and heard.anything) or pause > min(_LONGEST_PAUSE_SECONDS, left / 2):
                    raise
                again = False
                await asyncio.sleep(pause)
            except UsherError:
                raise
            except Exception as error:  # a fault of ours in one adapter: the other models still work
                _LOG.error("an adapter for a model failed", exc_info=error, extra={"model": candidate.name})
                raise UpstreamFailed(f"the adapter for {candidate.name} failed: {type(error).__name__}") from error

    async def ping(self) -> None:
        """Return when any of the models answers. Raises what the first one raised."""
        asking = [asyncio.ensure_future(candidate.model.ping()) for candidate in self._candidates]
        try:
            for done in asyncio.as_completed(asking):
                try:
                    await done
                except Exception:  # noqa: S112  another one may answer
                    continue
                return
            await asking[0]
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def ping_each(self) -> None:
        """Raises Unavailable naming the models that do not answer, though others may."""
        asking = [candidate.model.ping() for candidate in self._candidates]
        answers = await asyncio.gather(*asking, return_exceptions=True)
        problems = [
            f"{candidate.name}: {answer.detail if isinstance(answer, UsherError) else type(answer).__name__}"
            for candidate, answer in zip(self._candidates, answers, strict=True)
            if isinstance(answer, BaseException)
        ]
        if problems:
            raise Unavailable("; ".join(problems))

    async def close(self) -> None:
        for candidate in self._candidates:
            await candidate.model.close()
