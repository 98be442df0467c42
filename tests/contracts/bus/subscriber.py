"""A subscriber under test: the house's push router on a real port, obeying the test and remembering everything."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request, Response
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint

from served import Served
from usher_compose.push_secret import accept_push_secret
from usher_shared.events import Event
from usher_shared.http.app import create_service_app, push_router
from usher_shared.http.tokens import LocalTokenVerifier, TokenVerifier

SECRET = "a secret for tests that is long enough"
PATIENCE_SECONDS = 20.0


async def until(condition: Callable[[], bool], changed: asyncio.Condition) -> None:
    """Wait until `condition` holds, looking again at each change."""
    async with changed:
        await asyncio.wait_for(changed.wait_for(condition), PATIENCE_SECONDS)


class Subscriber:
    """`handled` holds the ids of acknowledged deliveries, `seen` of all, in order.

    `failures[id]` are the errors that the next deliveries of an event raise; `poison` fails always; `gates[id]`
    holds an event's handling until it is set; `barrier` lets nothing pass before that many are in hand at once.
    """

    def __init__(
        self, name: str, port: int, verifier: TokenVerifier | None = None, push_secret: str | None = None
    ) -> None:
        self.name = name
        self._push_secret = push_secret
        self._verifier = verifier or LocalTokenVerifier(SECRET)
        self.seen: list[str] = []
        self.handled: list[str] = []
        self.events: list[Event] = []
        self.failures: dict[str, deque[Exception]] = defaultdict(deque)
        self.poison: dict[str, Exception] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.refused = 0  # requests answered 401 or 403
        self.in_hand = 0
        self.most_in_hand = 0
        self.barrier = 0
        self._barrier_passed = asyncio.Event()
        self.changed = asyncio.Condition()
        self.server = Served(self._make_app, port)

    def _make_app(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            yield

        app = create_service_app(
            self.name,
            version="1",
            routers=[push_router(self.handle)],
            lifespan=lifespan,
            verifier=self._verifier,
            checks={},
        )
        if self._push_secret is not None:
            accept_push_secret(app, self.name, self._push_secret)
        app.add_middleware(BaseHTTPMiddleware, dispatch=self._count_refused)
        return app

    async def _count_refused(self, request: Request, call_next: RequestResponseEndpoint) -> Response:
        response = await call_next(request)
        self.refused += response.status_code in (401, 403)
        await self._notify()
        return response

    def let_go(self) -> None:
        """Open the barrier."""
        self._barrier_passed.set()

    async def handle(self, event: Event) -> None:
        self.seen.append(event.id)
        self.events.append(event)
        self.in_hand += 1
        self.most_in_hand = max(self.most_in_hand, self.in_hand)
        try:
            await self._notify()
            if self.barrier:
                if self.in_hand >= self.barrier:
                    self._barrier_passed.set()
                await asyncio.wait_for(self._barrier_passed.wait(), PATIENCE_SECONDS)
            if event.id in self.gates:
                await asyncio.wait_for(self.gates[event.id].wait(), PATIENCE_SECONDS)
            if event.id in self.poison:
                raise self.poison[event.id]
            if self.failures[event.id]:
                raise self.failures[event.id].popleft()
            self.handled.append(event.id)
        finally:
            self.in_hand -= 1
            await self._notify()

    async def _notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until_handled(self, *ids: str) -> None:
        await until(lambda: set(ids) <= set(self.handled), self.changed)

    async def until_seen(self, *ids: str, times: int = 1) -> None:
        await until(lambda: all(self.seen.count(id) >= times for id in ids), self.changed)
