"""A small service on a real port, with a client that may call it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import aiohttp
import pytest
from fastapi import APIRouter, Depends, FastAPI, HTTPException, Response
from pydantic import BaseModel, Field

from served import Served, free_port
from usher_shared.errors import Conflict, RateLimited, UsherError
from usher_shared.events import Event
from usher_shared.http.app import create_service_app, push_router, require_caller
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.telemetry import current

SECRET = "a secret for tests that is long enough"
MAX_BODY = 1000


class Order(BaseModel):
    order_id: str = Field(min_length=1)
    quantity: int = Field(ge=1)


class Echo:
    """A service named `tools`; callers `agent` and `cli`."""

    def __init__(self) -> None:
        self.failing_check: str | None = None
        self.events: list[tuple[Event, str | None]] = []
        self.server = Served(self.make_app, free_port())

    def make_app(self) -> FastAPI:
        @asynccontextmanager
        async def lifespan(_: FastAPI) -> AsyncIterator[None]:
            yield

        router = APIRouter(dependencies=[Depends(require_caller("agent", "cli"))])

        @router.get("/whoami")
        async def whoami(caller: Annotated[str, Depends(require_caller("agent"))]) -> dict[str, Any]:
            context = current()
            assert context is not None
            return {"caller": caller, "request_id": context.request_id, "traceparent": context.traceparent}

        @router.post("/orders")
        async def orders(order: Order) -> Order:
            return order

        @router.get("/conflict")
        async def conflict() -> None:
            raise Conflict("row C was sold", code="seats_taken", extra={"seats": ["112-C-7"]})

        @router.get("/busy")
        async def busy() -> None:
            raise RateLimited("slow down", retry_after_seconds=1.2)

        @router.get("/bug")
        async def bug() -> None:
            raise RuntimeError("the password is swordfish")

        @router.get("/teapot")
        async def teapot() -> None:
            raise HTTPException(418, "short and stout")

        @router.get("/text")
        async def text() -> Response:
            return Response("not JSON", media_type="text/plain")

        @router.get("/nothing", status_code=204)
        async def nothing() -> None: ...

        @router.get("/slow")
        async def slow() -> None:
            await asyncio.sleep(30)

        async def handle(event: Event) -> None:
            context = current()
            self.events.append((event, context.traceparent if context else None))

        async def check() -> None:
            if self.failing_check:
                raise UsherError(self.failing_check)

        return create_service_app(
            "tools",
            version="1.2.3",
            routers=[router, push_router(handle)],
            lifespan=lifespan,
            verifier=LocalTokenVerifier(SECRET),
            checks={"store": check},
            max_body_bytes=MAX_BODY,
        )


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    echo = Echo()
    await echo.server.start()
    yield echo
    await echo.server.stop()


@pytest.fixture
async def agent(echo: Echo) -> AsyncIterator[ServiceClient]:
    async with ServiceClient("tools", echo.server.url, LocalTokenSource("agent", SECRET)) as client:
        yield client


@pytest.fixture
async def anyone(echo: Echo) -> AsyncIterator[aiohttp.ClientSession]:
    """Plain HTTP, without a token."""
    async with aiohttp.ClientSession(echo.server.url) as session:
        yield session


@pytest.fixture
async def authorization() -> dict[str, str]:
    return {"Authorization": f"Bearer {await LocalTokenSource('agent', SECRET).token('tools')}"}
