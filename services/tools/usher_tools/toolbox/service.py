"""Running a tool by name: who may, on whose behalf, once per idempotency key."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from usher_shared.contracts.confirmations import PROTECTED_ACTIONS, Confirmation
from usher_shared.contracts.tools import (
    TOOLS,
    Arguments,
    CheckInventory,
    CreateOrder,
    GetEventInfo,
    GetOrder,
    HoldTickets,
    OpenSupportTicket,
    QuoteArguments,
    RefundOrder,
    ReleaseHold,
    SearchEvents,
    UpgradeTickets,
)
from usher_shared.errors import ConfirmationRequired, Forbidden, InvalidRequest, NotFound
from usher_shared.idempotency import Replay
from usher_tools.events.service import get_event_info, search_events
from usher_tools.office import Call, Office, answer_json
from usher_tools.orders.service import create_order, get_order, list_orders, refund_order, upgrade_tickets
from usher_tools.quotes.service import canonical, check_customer, parse_arguments, quote
from usher_tools.seats.service import check_inventory, hold_tickets, release_hold
from usher_tools.support.service import open_support_ticket

A = TypeVar("A", bound=Arguments)
Run = Callable[[Arguments, Call], Awaitable[Any]]

# the tools that anyone may ask without saying for whom, and that change nothing
_PUBLIC = frozenset({"search_events", "get_event_info", "check_inventory"})
_READS = _PUBLIC | {"get_order", "list_orders"}


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A call as it came in; `caller` is the calling service."""

    name: str
    body: Any
    caller: str
    customer_id: str | None
    client_id: str | None
    conversation_id: str | None
    idempotency_key: str | None
    confirmation: str | None


@dataclass(frozen=True, slots=True)
class ToolResult:
    """`body` is the tool's answer as JSON; `replayed` when it was recorded earlier under the same key."""

    body: Any
    replayed: bool = False


async def _search(a: Arguments, call: Call) -> Any:
    office = call.office
    return answer_json(
        await search_events(cast(SearchEvents, a), office.store, office.clock, limit=office.settings.search_limit)
    )


async def _info(a: Arguments, call: Call) -> Any:
    return answer_json(await get_event_info(cast(GetEventInfo, a).event_id, call.office.store, call.office.clock))


async def _inventory(a: Arguments, call: Call) -> Any:
    return answer_json(await check_inventory(cast(CheckInventory, a), call))


async def _hold(a: Arguments, call: Call) -> Any:
    return answer_json(await hold_tickets(cast(HoldTickets, a), call))


async def _release(a: Arguments, call: Call) -> Any:
    return answer_json(await release_hold(cast(ReleaseHold, a), call))


async def _quote(a: Arguments, call: Call) -> Any:
    return answer_json(await quote(cast(QuoteArguments, a), call))


async def _get_order(a: Arguments, call: Call) -> Any:
    return answer_json(await get_order(cast(GetOrder, a).order_id, call.customer_id, call.office.store))


async def _list_orders(a: Arguments, call: Call) -> Any:
    return answer_json(await list_orders(call.customer_id, call.office.store))


async def _ticket(a: Arguments, call: Call) -> Any:
    return answer_json(await open_support_ticket(cast(OpenSupportTicket, a), call))


async def _create_order(a: Arguments, call: Call) -> Any:
    return await create_order(cast(CreateOrder, a), call)


async def _upgrade(a: Arguments, call: Call) -> Any:
    return await upgrade_tickets(cast(UpgradeTickets, a), call)


async def _refund(a: Arguments, call: Call) -> Any:
    return await refund_order(cast(RefundOrder, a), call)


_RUN: Mapping[str, Run] = {
    "search_events": _search,
    "get_event_info": _info,
    "check_inventory": _inventory,
    "hold_tickets": _hold,
    "release_hold": _release,
    "quote": _quote,
    "create_order": _create_order,
    "upgrade_tickets": _upgrade,
    "get_order": _get_order,
    "list_orders": _list_orders,
    "refund_order": _refund,
    "open_support_ticket": _ticket,
}


def _confirmation(request: ToolRequest) -> Confirmation | None:
    if request.name not in PROTECTED_ACTIONS:
        return None
    if request.caller != "agent":
        raise Forbidden(f"{request.caller} may not run {request.name}", code="wrong_caller")
    if request.confirmation is None:
        raise ConfirmationRequired("the customer has not confirmed this")
    try:
        return Confirmation.from_header(request.confirmation)
    except ValueError as error:
        raise ConfirmationRequired("Usher-Confirmation holds no confirmation") from error


async def run_tool(request: ToolRequest, office: Office) -> ToolResult:
    """Run one tool.

    Raises NotFound (unknown_tool), Unprocessable (arguments), Forbidden (wrong_caller, wrong_customer,
    confirmation_required), InvalidRequest (no customer), InFlight, KeyReused, and what the tool raises.
    """
    tool = TOOLS.get(request.name)
    run = _RUN.get(request.name)
    if tool is None or run is None:
        raise NotFound(f"there is no tool {request.name}", code="unknown_tool")
    confirmation = _confirmation(request)
    if request.customer_id is None and request.name not in _PUBLIC:
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
    )
    # a confirmed action is carried out once per confirmation, so its id is the key when none is given
    key = request.idempotency_key or (confirmation.id if confirmation else None)
    if key is None or request.name in _READS:
        return ToolResult(await run(arguments, call))
    return await _run_once(run, arguments, call, request.name, key)


async def _run_once(run: Run, arguments: Arguments, call: Call, name: str, key: str) -> ToolResult:
    records = call.office.records
    body = json.dumps(canonical(arguments), sort_keys=True).encode()
    lease = await records.begin((call.client_id or "", call.customer_id, name), key, body)
    if isinstance(lease, Replay):
        return ToolResult(lease.body, replayed=True)
    try:
        async with records.held(lease):
            return ToolResult(await run(arguments, replace(call, lease=lease)))
    except BaseException:
        # nothing was recorded under the key: free it, so that the caller may try again at once
        await records.abandon(lease)
        raise
