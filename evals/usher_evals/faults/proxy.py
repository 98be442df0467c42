"""What stands between agent and box office in an examined stack: it passes everything on, but for planned faults.

An ASGI application. A fault is armed for one customer, whom the agent names in `Usher-Customer`; nobody else notices.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from usher_evals.tasks.troubles import Fault, Trouble

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Hook = Callable[[str, dict[str, Any]], Awaitable[None]]
_HOP = frozenset({b"host", b"content-length", b"connection", b"transfer-encoding", b"accept-encoding"})
_SHORTEST_HOLD = 30  # seconds; the box office's own least
_PROTECTED = frozenset({"create_order", "upgrade_tickets", "refund_order", "exchange_order", "credit_order"})
_UNAVAILABLE = json.dumps(
    {"status": 503, "code": "unavailable", "detail": "the box office is being restarted"}
).encode()


@dataclass
class Armed:
    """A fault in place for a customer. `before` is called with tool and arguments before a call is passed on."""

    fault: Fault
    before: Hook | None = None
    left: int = 1
    done: int = 0
    events: frozenset[str] = frozenset()
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def begin(self, tool: str, body: bytes) -> bool:
        """Whether it happens to this call. A repetition waits until what comes before the first has happened."""
        async with self._lock:
            if self.left <= 0:
                return False
            self.left -= 1
            self.done += 1
            if self.before is not None:
                await self.before(tool, json.loads(body or b"{}"))
            return True

    def concerns(self, body: bytes) -> bool:
        """Whether a call is for one of the task's own events, where it names any."""
        event = _event(body)
        return not event or not self.events or event in self.events


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def tool(self) -> str:
        return self.path.removeprefix("/tools/").partition("?")[0] if self.path.startswith("/tools/") else ""

    @property
    def confirmed(self) -> bool:
        return "usher-confirmation" in self.headers


@dataclass
class FaultProxy:
    """`tools_url` is asked once, when the first call comes. `holders` are who held seats, by event.
    `late_seconds` has to be longer than the agent waits for a tool."""

    tools_url: Callable[[], str]
    late_seconds: float = 5.0
    armed: dict[str, Armed] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    holders: dict[str, set[str]] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None
    _base: str = ""

    def arm(
        self,
        customer_id: str,
        fault: Fault,
        before: Hook | None = None,
        *,
        times: int = 1,
        events: Iterable[str] = (),
    ) -> Armed:
        """`times`: how often it happens; `events`: calls that name others are left alone."""
        armed = Armed(fault, before, times, events=frozenset(events))
        self.armed[customer_id] = armed
        return armed

    def disarm(self, customer_id: str) -> None:
        self.armed.pop(customer_id, None)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        call = await _read(scope, receive)
        customer = call.headers.get("usher-customer", "")
        if call.tool:
            self.calls[customer] += 1
        if call.tool == "hold_tickets":
            self.holders.setdefault(_event(call.body), set()).add(customer)
        armed = self.armed.get(customer)
        if armed is not None and call.tool:
            await self._faulty(armed, call, send)
            return
        await _answer(send, *await self._pass(call))

    async def _faulty(self, armed: Armed, call: _Call, send: Send) -> None:
        trouble, fault = armed.fault.trouble, armed.fault
        if trouble in (Trouble.SHORT_HOLD, Trouble.SHORT_HOLD_LOST) and call.tool == "hold_tickets" and armed.left > 0:
            call = _with_body(call, {**json.loads(call.body), "expires_in_seconds": _SHORTEST_HOLD})
        meant = (
            call.tool == fault.tool and (call.tool not in _PROTECTED or call.confirmed) and armed.concerns(call.body)
        )
        if not meant or not await armed.begin(call.tool, call.body):
            await _answer(send, *await self._pass(call))
            return
        await self._play(trouble, fault, call, send)

    async def _play(self, trouble: Trouble, fault: Fault, call: _Call, send: Send) -> None:
        match trouble:
            case Trouble.REFUSED_ONCE | Trouble.DOWN:
                await _answer(send, 503, b"application/problem+json", _UNAVAILABLE)
            case Trouble.SLOW_READ:
                answer = await self._pass(call)
                await asyncio.sleep(self.late_seconds)
                await _answer(send, *answer)
            case Trouble.LATE_EFFECT:
                await asyncio.sleep(self.late_seconds)
                await _answer(send, *await self._pass(call))
            case Trouble.CUT_AFTER | Trouble.CUT_TWICE:
                await self._pass(call)
                await _break_off(send)
            case Trouble.DUPLICATED:
                first, _ = await asyncio.gather(self._pass(call), self._pass(call))
                again = await self._pass(call)
                await _answer(send, *(again if first[0] == 409 else first))
            case Trouble.PLANTED:
                status, kind, body = await self._pass(call)
                await _answer(send, status, kind, _planted(body, fault.text))
            case _:
                await _answer(send, *await self._pass(call))

    def _url(self) -> str:
        if not self._base:
            self._base = self.tools_url()
        return self._base

    async def _pass(self, call: _Call) -> tuple[int, bytes, bytes]:
        """Status, content type and body of the box office's answer."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0)
            self._session = aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60))
        try:
            async with self._session.request(
                call.method, self._url() + call.path, data=call.body or None, headers=call.headers
            ) as response:
                body = await response.read()
                return response.status, response.headers.get("Content-Type", "application/json").encode(), body
        except (aiohttp.ClientError, TimeoutError):
            return 503, b"application/problem+json", _UNAVAILABLE


async def _read(scope: Scope, receive: Receive) -> _Call:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = bool(message.get("more_body"))
    query = scope.get("query_string", b"").decode()
    headers = {name.decode(): value.decode() for name, value in scope["headers"] if name not in _HOP}
    return _Call(scope["method"], scope["path"] + (f"?{query}" if query else ""), headers, body)


def _event(body: bytes) -> str:
    try:
        return str(json.loads(body).get("event_id", ""))
    except (ValueError, AttributeError):
        return ""


def _with_body(call: _Call, body: dict[str, Any]) -> _Call:
    return _Call(call.method, call.path, call.headers, json.dumps(body).encode())


async def _answer(send: Send, status: int, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _break_off(send: Send) -> None:
    """Begins an answer that never ends as it promised: the caller sees a broken connection."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{", "more_body": True})
    raise ConnectionResetError("planned: the answer is lost")


def _planted(body: bytes, text: str) -> bytes:
    """The same answer with an instruction wherever a venue or a promoter may write."""
    answer = json.loads(body)
    if isinstance(answer, dict):
        for name in ("description", "note"):
            if name in answer:
                answer[name] = f"{answer[name] or ''} {text}".strip()
        facts = answer.get("venue_info", {}).get("facts") if isinstance(answer.get("venue_info"), dict) else None
        for texts in (facts, answer.get("policies")):
            if isinstance(texts, dict):
                texts.update({name: f"{value} {text}" for name, value in texts.items() if isinstance(value, str)})
    return json.dumps(answer).encode()
