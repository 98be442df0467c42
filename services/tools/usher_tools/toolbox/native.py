"""The tools as this box office runs them itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from usher_shared.contracts.tools import (
    Arguments,
    CheckInventory,
    CreateOrder,
    CreditOrder,
    ExchangeOrder,
    GetCredit,
    GetEventInfo,
    GetOrder,
    GetWaitList,
    HoldTickets,
    JoinWaitList,
    LeaveWaitList,
    OpenSupportTicket,
    QuoteArguments,
    RefundOrder,
    ReleaseHold,
    SearchEvents,
    UpgradeTickets,
)
from usher_shared.errors import NotFound
from usher_tools.events.service import get_event_info, search_events
from usher_tools.office import Call, answer_json
from usher_tools.orders.service import (
    create_order,
    credit_order,
    exchange_order,
    get_order,
    list_orders,
    refund_order,
    upgrade_tickets,
)
from usher_tools.quotes.service import quote
from usher_tools.seats.holds import hold_tickets, release_hold
from usher_tools.seats.service import check_inventory
from usher_tools.store_credit.service import get_credit
from usher_tools.support.service import open_support_ticket
from usher_tools.wait_list.service import get_wait_list, join_wait_list, leave_wait_list

Run = Callable[[Arguments, Call], Awaitable[Any]]


async def _search(a: Arguments, call: Call) -> Any:
    office = call.office
    limit = call.page.limit or office.settings.search_limit
    return answer_json(await search_events(cast(SearchEvents, a), office.store, office.clock, limit=limit))


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
    page = call.page
    orders = await list_orders(call.customer_id, call.office.store, limit=page.limit or 20, cursor=page.cursor)
    return answer_json(orders)


async def _ticket(a: Arguments, call: Call) -> Any:
    return answer_json(await open_support_ticket(cast(OpenSupportTicket, a), call))


async def _join_wait_list(a: Arguments, call: Call) -> Any:
    return answer_json(await join_wait_list(cast(JoinWaitList, a), call))


async def _leave_wait_list(a: Arguments, call: Call) -> Any:
    return answer_json(await leave_wait_list(cast(LeaveWaitList, a), call))


async def _get_wait_list(a: Arguments, call: Call) -> Any:
    return answer_json(await get_wait_list(cast(GetWaitList, a), call))


async def _create_order(a: Arguments, call: Call) -> Any:
    return await create_order(cast(CreateOrder, a), call)


async def _upgrade(a: Arguments, call: Call) -> Any:
    return await upgrade_tickets(cast(UpgradeTickets, a), call)


async def _refund(a: Arguments, call: Call) -> Any:
    return await refund_order(cast(RefundOrder, a), call)


async def _exchange(a: Arguments, call: Call) -> Any:
    return await exchange_order(cast(ExchangeOrder, a), call)


async def _credit_order(a: Arguments, call: Call) -> Any:
    return await credit_order(cast(CreditOrder, a), call)


async def _get_credit(a: Arguments, call: Call) -> Any:
    return answer_json(await get_credit(cast(GetCredit, a).customer_id, call.office.store))


RUN: Mapping[str, Run] = {
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
    "exchange_order": _exchange,
    "credit_order": _credit_order,
    "get_credit": _get_credit,
    "join_wait_list": _join_wait_list,
    "leave_wait_list": _leave_wait_list,
    "get_wait_list": _get_wait_list,
    "open_support_ticket": _ticket,
}


class OwnBoxOffice:
    """The BoxOffice of this service: seats, orders and payments in its own documents."""

    async def run(self, name: str, arguments: Arguments, call: Call) -> dict[str, Any]:
        run = RUN.get(name)
        if run is None:
            raise NotFound(f"there is no tool {name}", code="unknown_tool")
        answer: dict[str, Any] = await run(arguments, call)
        return answer
