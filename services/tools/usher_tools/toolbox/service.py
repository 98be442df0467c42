"""Running a tool by name: who may, on whose behalf, once per idempotency key."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from usher_shared.contracts.confirmations import PROTECTED_ACTIONS, Confirmation
from usher_shared.contracts.tools import TOOLS, Arguments
from usher_shared.contracts.tools.offering import READS
from usher_shared.errors import ConfirmationRequired, Forbidden, InvalidRequest, NotFound
from usher_shared.idempotency import Replay
from usher_tools.office import FIRST_PAGE, Call, Office, Page
from usher_tools.quotes.service import canonical, check_customer, parse_arguments
from usher_tools.toolbox.ports import PUBLIC


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A call as it came in; `caller` is the calling service."""

    name: str
    body: Any
    caller: str
    customer_id: str | None = None
    client_id: str | None = None
    conversation_id: str | None = None
    idempotency_key: str | None = None
    confirmation: str | None = None
    page: Page = FIRST_PAGE


@dataclass(frozen=True, slots=True)
class ToolResult:
    """`body` is the tool's answer as JSON; `replayed` when it was recorded earlier under the same key."""

    body: Any
    replayed: bool = False


def _confirmation(request: ToolRequest) -> Confirmation | None:
    if request.name not in PROTECTED_ACTIONS:
        return None
    if request.confirmation is None:
        raise ConfirmationRequired("the customer has not confirmed this")
    if request.caller != "agent":
        raise Forbidden(f"{request.caller} may not run {request.name}", code="wrong_caller")
    try:
        return Confirmation.from_header(request.confirmation)
    except ValueError as error:
        raise ConfirmationRequired("Usher-Confirmation holds no confirmation") from error


async def run_tool(request: ToolRequest, office: Office) -> ToolResult:
    """Run one tool, in this service or in the system that the venue keeps.

    Raises NotFound (unknown_tool), Unprocessable (arguments), Forbidden (wrong_caller, wrong_customer,
    confirmation_required), InvalidRequest (no customer), InFlight, KeyReused, and what the tool raises.
    """
    tool = TOOLS.get(request.name)
    if tool is None:
        raise NotFound(f"there is no tool {request.name}", code="unknown_tool")
    confirmation = _confirmation(request)
    if request.customer_id is None and request.name not in PUBLIC:
        raise InvalidRequest("the Usher-Customer header is required", code="customer_required")
    customer = request.customer_id or ""
    arguments = parse_arguments(tool.arguments, request.body)
    check_customer(arguments, customer)
    call = Call(
        office,
        customer,
        client_id=request.client_id,
        conversation_id=request.conversation_id,
        confirmation=confirmation,
        page=request.page,
    )
    # a confirmed action is carried out once per confirmation, so its id is the key when none is given
    key = request.idempotency_key or (confirmation.id if confirmation else None)
    if key is None or request.name in READS:
        return ToolResult(await office.box_office.run(request.name, arguments, call))
    return await _run_once(request.name, arguments, call, key)


async def _run_once(name: str, arguments: Arguments, call: Call, key: str) -> ToolResult:
    records = call.office.records
    body = json.dumps(canonical(arguments), sort_keys=True).encode()
    lease = await records.begin((call.client_id or "", call.customer_id, name), key, body)
    if isinstance(lease, Replay):
        return ToolResult(lease.body, replayed=True)
    try:
        async with records.held(lease):
            return ToolResult(await call.office.box_office.run(name, arguments, replace(call, lease=lease)))
    except BaseException:
        # nothing was recorded under the key: free it, so that the caller may try again at once
        await records.abandon(lease)
        raise
