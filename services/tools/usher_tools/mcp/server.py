"""The MCP server: the tools listed, and each call run as `POST /tools/{name}` runs it.

Loaded with the first request alone: the library takes half a second and 20 MB that most instances never need.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, cast

from mcp.server.caching import CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    Tool,
    ToolAnnotations,
)

from usher_shared.contracts.proposals import IDEMPOTENCY_META
from usher_shared.contracts.tools import TOOLS
from usher_shared.contracts.tools.offering import READS, fill_in, kind_of, offered_parameters
from usher_shared.errors import InvalidRequest, UsherError
from usher_tools.mcp.model import IDENTITY_SCOPE, CallIdentity
from usher_tools.mcp.results import proposed, refused, succeeded
from usher_tools.office import Office
from usher_tools.toolbox.service import ToolRequest, run_tool

_LOG = logging.getLogger(__name__)
logging.getLogger("mcp").setLevel(logging.WARNING)  # it tells of each request, and so does our own access log
_LISTED_MS = 300_000  # the list changes with a release
_GIVES_UP = frozenset({"release_hold", "leave_wait_list"})
_INSTRUCTIONS = (
    "Tickets of this box office: find events, choose seats, hold them, buy, upgrade, refund. Prices are decimal "
    "numbers of major units. Buying, upgrading and refunding answer confirmation_required: show the customer the "
    "confirmation's summary, total and policy; nothing is charged until the customer approves it. "
    "The customer is the one of your credential."
)


def create_sessions(office: Office) -> StreamableHTTPSessionManager:
    """Stateless, with JSON answers: each request stands alone, whichever instance it reaches."""

    async def call(context: ServerRequestContext[Any, Any], params: CallToolRequestParams) -> CallToolResult:
        identity = cast(CallIdentity, cast(Any, context.request).scope[IDENTITY_SCOPE])
        return await _call(office, identity, params)

    server = Server(
        "usher-tools",
        version="0.1.0",
        title="Usher box office",
        instructions=_INSTRUCTIONS,
        cache_hints={"tools/list": CacheHint(ttl_ms=_LISTED_MS, scope="public")},
        get_tool_input_schema=lambda name: offered_parameters(name) if name in TOOLS else None,
        on_list_tools=_list,
        on_call_tool=call,
    )
    # who may ask is settled before: Origin and Host at the gateway, the service token here
    return StreamableHTTPSessionManager(server, stateless=True, json_response=True)


async def _list(_: ServerRequestContext[Any, Any], __: PaginatedRequestParams | None) -> ListToolsResult:
    return ListToolsResult(tools=listed_tools())


@cache
def listed_tools() -> list[Tool]:
    """Every tool of the contract; its hints follow from what it does."""
    return [_listed(name) for name in TOOLS]


def _listed(name: str) -> Tool:
    tool, protected = TOOLS[name], kind_of(name) == "protected"
    output = tool.answer.model_json_schema(mode="serialization")
    output.pop("title", None)
    return Tool(
        name=name,
        description=tool.description,
        input_schema=offered_parameters(name),
        output_schema=output,
        annotations=ToolAnnotations(
            read_only_hint=name in READS,
            destructive_hint=protected or name in _GIVES_UP,
            # what waits for a yes is the same request while it waits
            idempotent_hint=name in READS or protected or name in _GIVES_UP,
            open_world_hint=False,
        ),
    )


async def _call(office: Office, identity: CallIdentity, params: CallToolRequestParams) -> CallToolResult:
    if params.name not in TOOLS:
        raise MCPError(code=INVALID_PARAMS, message=f"Unknown tool: {params.name[:64]}")
    meta = cast(dict[str, Any], params.meta or {})
    if identity.caller == "gateway" and kind_of(params.name) == "protected":
        known = proposed(meta)
        if known is not None:
            return known
    try:
        return succeeded(await run_tool(_request(identity, params, meta), office))
    except UsherError as error:
        return refused(error)
    except Exception:
        _LOG.exception("a tool failed unexpectedly", extra={"tool": params.name})
        return refused(UsherError("the tool failed; nothing is known about its effect"))


def _request(identity: CallIdentity, params: CallToolRequestParams, meta: dict[str, Any]) -> ToolRequest:
    key = meta.get(IDEMPOTENCY_META)
    if key is not None and (not isinstance(key, str) or not key):
        raise InvalidRequest(f"{IDEMPOTENCY_META} is 1 to 255 printable characters", code="bad_idempotency_key")
    return ToolRequest(
        params.name,
        fill_in(params.name, params.arguments or {}, customer_id=identity.customer_id or ""),
        identity.caller,
        customer_id=identity.customer_id,
        client_id=identity.client_id,
        conversation_id=identity.conversation_id,
        idempotency_key=key,
        confirmation=identity.confirmation,
    )
