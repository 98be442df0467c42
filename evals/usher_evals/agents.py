"""The agents that can be examined: a stack by its URL, one that does nothing; in oracle.py one that knows the task."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

from usher_evals.wire import Api, NoAnswer, Refused

_BUSY_SECONDS = 0.5
_BUSY = frozenset({"conversation_busy", "idempotency_in_flight", "rate_limited", "unavailable", "upstream_timeout"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What a customer gets back; `confirmation` as in the API, `calls` are name and status of the turn's tool calls."""

    reply: str
    confirmation: dict[str, Any] | None = None
    calls: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0
    failed: str | None = None
    model: str = ""


class Agent(Protocol):
    """One conversation with an agent."""

    reads_words: bool
    """Whether a yes in words counts; else confirmations are answered through their endpoint."""

    async def say(self, message: str, *, twice: bool = False) -> Answer: ...

    async def decide(self, confirmation_id: str, decision: str) -> Answer: ...

    async def end(self) -> None:
        """The customer leaves."""
        ...


@dataclass
class StackAgent:
    """A stack behind its gateway."""

    api: Api
    customer_id: str
    conversation_id: str | None = None
    reads_words: bool = field(default=True, init=False)

    async def say(self, message: str, *, twice: bool = False) -> Answer:
        body: dict[str, Any] = {"message": message, "customer_id": self.customer_id}
        if self.conversation_id:
            body["conversation_id"] = self.conversation_id
        key = {"Idempotency-Key": secrets.token_hex(12)}
        started = time.perf_counter()
        if twice:
            first, second = await asyncio.gather(
                self._patiently("POST", "/chat", body, key), self._patiently("POST", "/chat", body, key)
            )
            answer = first if isinstance(first, dict) else second
        else:
            answer = await self._patiently("POST", "/chat", body, key)
        return self._read(answer, started)

    async def decide(self, confirmation_id: str, decision: str) -> Answer:
        path = f"/confirmations/{confirmation_id}?customer_id={self.customer_id}"
        started = time.perf_counter()
        return self._read(await self._patiently("POST", path, {"decision": decision}, {}), started)

    async def end(self) -> None:
        if self.conversation_id:
            path = f"/conversations/{self.conversation_id}/end?customer_id={self.customer_id}"
            await self._patiently("POST", path, None, {})

    async def _patiently(self, method: str, path: str, body: Any, headers: dict[str, str]) -> dict[str, Any] | str:
        """The answer; the code of the refusal when the stack did not recover within some tries."""
        code = ""
        for attempt in range(12):
            try:
                answer: dict[str, Any] = await self.api.call(method, path, body, headers)
            except Refused as refusal:
                code = refusal.code
                if code not in _BUSY:
                    return code
            except NoAnswer:
                code = "no_answer"
            else:
                return answer
            await asyncio.sleep(_BUSY_SECONDS * (1 + attempt / 4))  # a client's own back-off
        return code

    def _read(self, answer: dict[str, Any] | str, started: float) -> Answer:
        seconds = time.perf_counter() - started
        if isinstance(answer, str):
            return Answer("", seconds=seconds, failed=answer)
        self.conversation_id = answer["conversation_id"]
        calls = tuple((str(call["name"]), str(call["status"])) for call in answer["tool_calls"])
        model = f"{answer['model']['name']} {answer['model']['version']}"
        return Answer(str(answer["reply"]), answer["confirmation"], calls, seconds, model=model)


class IdleAgent:
    """Says nothing of use and does nothing: what it scores is what doing nothing earns."""

    reads_words = True

    async def say(self, message: str, *, twice: bool = False) -> Answer:
        return Answer("Thank you for your message.")

    async def decide(self, confirmation_id: str, decision: str) -> Answer:
        raise AssertionError("it never proposes anything")

    async def end(self) -> None:
        return None
