"""Whether every model in service really generates."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence

from usher_inference.completions.model import Delta, Finished, Message, Prompt
from usher_inference.completions.ports import Engine, Models
from usher_shared.errors import Unavailable, UsherError

_LOG = logging.getLogger(__name__)
_PROBE = Prompt(messages=(Message(role="user", content="Hello"),), max_tokens=1, deadline_seconds=30.0)
_Name = tuple[str, str]  # model and version
_AGAIN_SECONDS = 2.0  # a failure stands so long before it is looked into again


class Readiness:
    """Knows when each engine last generated, from its traffic (`heard`) or, without any, from a probe of a token.

    An engine under load is never asked: its own answers prove it. One probe of an engine runs at a time, and outlives
    the question that began it. `elsewhere` are engines that the service can do without.
    """

    def __init__(self, models: Models, *, fresh_seconds: float, elsewhere: Sequence[Engine] = ()) -> None:
        self._models = models
        self._elsewhere = elsewhere
        self._fresh_seconds = fresh_seconds
        self._heard: dict[_Name, float] = {}
        self._failed: dict[_Name, tuple[float, Exception]] = {}
        self._probes: dict[_Name, asyncio.Task[None]] = {}

    def heard(self, engine: Engine) -> None:
        """The engine gave a piece of an answer just now."""
        self._heard[_name(engine)] = time.monotonic()

    async def check(self) -> None:
        """Returns when every engine that runs here has generated within `fresh_seconds`.

        Raises Unavailable naming those that do not, or that nothing is served.
        """
        if not self._models.all():
            raise Unavailable("no model is served yet")
        await self._prove_all(elsewhere=False)

    async def check_elsewhere(self) -> None:
        """The same of the engines elsewhere."""
        await self._prove_all(elsewhere=True)

    async def _prove_all(self, *, elsewhere: bool) -> None:
        served = self._served()
        engines = {name: each for name, each in served.items() if self._is_elsewhere(each) == elsewhere}
        for known in (self._heard, self._failed):
            for gone in known.keys() - served.keys():
                known.pop(gone, None)
        results = await asyncio.gather(*map(self._prove, engines.values()), return_exceptions=True)
        still = self._served()  # a release that was put out of service while it was probed is no failure
        problems = {
            name: result
            for name, result in zip(engines, results, strict=True)
            if isinstance(result, BaseException) and name in still
        }
        if problems:
            raise Unavailable(_tell(problems), code="not_generating")

    def _is_elsewhere(self, engine: Engine) -> bool:
        return any(engine is each for each in self._elsewhere)

    def _served(self) -> dict[_Name, Engine]:
        return {_name(each.engine): each.engine for each in self._models.all()}

    async def _prove(self, engine: Engine) -> None:
        name, now = _name(engine), time.monotonic()
        if name in self._heard and now - self._heard[name] < self._fresh_seconds:
            return
        if name in self._failed:
            failed_at, failure = self._failed[name]
            if now - failed_at < _AGAIN_SECONDS:
                raise failure
        if name not in self._probes:
            self._probes[name] = asyncio.create_task(self._probe(engine))
            self._probes[name].add_done_callback(lambda probe: self._probed(name, probe))
        await asyncio.shield(self._probes[name])

    def _probed(self, name: _Name, probe: asyncio.Task[None]) -> None:
        del self._probes[name]
        if not probe.cancelled():
            probe.exception()  # kept in _failed, also where nobody waited for it

    async def _probe(self, engine: Engine) -> None:
        try:
            pieces = [piece async for piece in engine.generate(_PROBE)]
            if not any(map(_is_generated, pieces)):
                raise Unavailable("it generated nothing")
        except Exception as error:
            if _name(engine) not in self._failed:  # why is told once, and here: /ready is anybody's
                about = {"model": engine.model, "version": engine.version}
                _LOG.warning("a model does not generate", extra=about, exc_info=error)
            self._failed[_name(engine)] = (time.monotonic(), error)
            raise
        self._failed.pop(_name(engine), None)
        self.heard(engine)


def _is_generated(piece: Delta) -> bool:
    """A token that is no text (of a thought, say) shows in the figures, or in the reason for the end."""
    return not isinstance(piece, Finished) or piece.reason == "length" or piece.usage.completion_tokens > 0


def _name(engine: Engine) -> _Name:
    return engine.model, engine.version


def _tell(problems: Mapping[_Name, BaseException]) -> str:
    return "; ".join(f"{' '.join(name)}: {_kind(problem)}" for name, problem in problems.items())


def _kind(problem: BaseException) -> str:
    """Other errors than ours are not written for readers, and may name paths."""
    name = type(problem).__name__
    return f"{name}: {problem.detail}" if isinstance(problem, UsherError) else name
