"""The stack under test: an embedded one started here, or any other by USHER_E2E_URL and USHER_E2E_KEY."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from stack_process import Target, start_stack, stop_stack
from usher_local.public_api import PublicApi


@pytest.fixture(scope="session")
def notice_secret() -> str:
    """What the payment provider signs its notifications with."""
    return f"whsec_{secrets.token_hex(16)}"


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory, notice_secret: str) -> Iterator[Target]:
    url = os.environ.get("USHER_E2E_URL")
    if url:
        yield Target(url, os.environ["USHER_E2E_KEY"], None)
        return
    running = start_stack(tmp_path_factory.mktemp("stack"), {"USHER_TOOLS_STRIPE_WEBHOOK_SECRET": notice_secret})
    try:
        yield Target(running.url, running.api_key, running)
    finally:
        stop_stack(running)


@pytest.fixture
async def api(target: Target) -> AsyncIterator[PublicApi]:
    async with PublicApi(target.url, {"X-API-Key": target.api_key}) as client:
        yield client
