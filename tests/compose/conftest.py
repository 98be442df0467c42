"""One compose stack for the tests of this folder, built and started once; skipped where no engine is."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from emulators.starting import require_engine, unavailable
from served import free_port
from usher_local.compose import HOST_FROM_CONTAINERS, ComposeFailed, ComposeStack, compose_command
from usher_local.public_api import PublicApi

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def stack() -> Iterator[ComposeStack]:
    require_engine("the compose stack")
    try:
        command = compose_command()
    except ComposeFailed as error:
        unavailable("the compose stack", error.detail)
    stack = ComposeStack(ROOT, f"usher-tests-{secrets.token_hex(4)}", free_port(), command)
    try:
        asyncio.run(stack.up())
        yield stack
    finally:
        stack.down()


@pytest.fixture(scope="session")
def api_key(stack: ComposeStack) -> str:
    key = stack.create_key("tests", 100_000)
    asyncio.run(stack.until_seeded(key))
    return key


@pytest.fixture
async def api(stack: ComposeStack, api_key: str) -> AsyncIterator[PublicApi]:
    async with PublicApi(stack.url, {"X-API-Key": api_key}) as client:
        yield client


@pytest.fixture(autouse=True)
def receiver_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Webhook receivers of the tests are where the containers find them."""
    monkeypatch.setenv("USHER_RECEIVER_HOST", HOST_FROM_CONTAINERS)
