"""The official MCP client, with the headers of a caller."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

_TLS = ssl.create_default_context()  # made once: reading the certificates takes longer than a test
MODERN, LEGACY = "auto", "legacy"  # without and with a handshake: protocol versions since and before 2026-07-28


@asynccontextmanager
async def connected(url: str, headers: Mapping[str, str], *, mode: str = MODERN) -> AsyncIterator[Client]:
    """A client of the server whose endpoint is `url`."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(headers=dict(headers), timeout=60, limits=limits, verify=_TLS) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode, read_timeout_seconds=60) as client:
            yield client


def problem(result: CallToolResult) -> dict[str, Any]:
    """What a refused call says."""
    assert result.is_error, result
    (content,) = result.content
    assert content.type == "text"
    decoded: dict[str, Any] = json.loads(content.text)
    return decoded


def answer(result: CallToolResult) -> dict[str, Any]:
    """What a call that went well says, the same as structure and as text."""
    assert not result.is_error, result
    (content,) = result.content
    assert content.type == "text"
    assert json.loads(content.text) == result.structured_content
    structured: dict[str, Any] = result.structured_content
    return structured
