"""The engines that a program starts with, and no others after that."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from usher_inference.completions.model import model_not_found
from usher_inference.completions.ports import Engine, Served

DEFAULT = "default"


class FixedModels:
    """Models without releases: each engine has all of its model's traffic for as long as the program runs."""

    def __init__(self, engines: Sequence[Engine], since: datetime) -> None:
        self._served = {engine.model: Served(engine, DEFAULT, since) for engine in engines}

    def lease(self, model: str, conversation_id: str | None) -> AbstractContextManager[Served]:
        served = self._served.get(model)
        if served is None:
            raise model_not_found(model)
        return nullcontext(served)

    def all(self) -> Sequence[Served]:
        return tuple(self._served.values())
