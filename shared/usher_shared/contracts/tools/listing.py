"""The list of tools: name, description, parameters and answer of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from usher_shared.contracts.tools.answers import (
    Answer,
    EventInfo,
    EventList,
    Hold,
    HoldReleased,
    Inventory,
    OrderCreated,
    OrderCredited,
    OrderExchanged,
    OrderList,
    OrderRefunded,
    OrderView,
    Quote,
    StoreCredit,
    SupportTicket,
    TicketsUpgraded,
    WaitList,
    WaitListEntry,
)
from usher_shared.contracts.tools.arguments import (
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
    ListOrders,
    OpenSupportTicket,
    QuoteArguments,
    RefundOrder,
    ReleaseHold,
    SearchEvents,
    UpgradeTickets,
)


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    description: str
    arguments: type[Arguments]
    answer: type[Answer]

    def schema(self) -> dict[str, Any]:
        """As OpenAI's `tools` entry: {"type": "function", "function": {name, description, parameters}}."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        parameters.pop("description", None)
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("search_events", "Find events by name, performer, date, city or category.", SearchEvents, EventList),
        Tool(
            "get_event_info",
            "One event: venue, sections with prices and availability, policies.",
            GetEventInfo,
            EventInfo,
        ),
        Tool("check_inventory", "The best free seats for a party, adjacent where possible.", CheckInventory, Inventory),
        Tool("hold_tickets", "Hold seats for a few minutes. Charges nothing.", HoldTickets, Hold),
        Tool("release_hold", "Give held seats back.", ReleaseHold, HoldReleased),
        Tool(
            "quote",
            "What a purchase or a change of an order would cost, with policy.",
            QuoteArguments,
            Quote,
        ),
        Tool("create_order", "Buy the held seats. The customer is asked to confirm first.", CreateOrder, OrderCreated),
        Tool(
            "upgrade_tickets",
            "Move an order to better seats. The customer is asked first.",
            UpgradeTickets,
            TicketsUpgraded,
        ),
        Tool("get_order", "One order of this customer.", GetOrder, OrderView),
        Tool("list_orders", "This customer's orders, newest first.", ListOrders, OrderList),
        Tool("refund_order", "Refund an order or some seats. The customer is asked first.", RefundOrder, OrderRefunded),
        Tool(
            "exchange_order",
            "Exchange tickets of an order for held seats, of this or another event. The customer is asked first.",
            ExchangeOrder,
            OrderExchanged,
        ),
        Tool(
            "credit_order",
            "Give tickets back for store credit, which pays for later purchases. The customer is asked first.",
            CreditOrder,
            OrderCredited,
        ),
        Tool("get_credit", "This customer's store credit.", GetCredit, StoreCredit),
        Tool(
            "join_wait_list",
            "Wait for seats of a show that has none that fit: they are held for the first in line.",
            JoinWaitList,
            WaitListEntry,
        ),
        Tool("leave_wait_list", "Stop waiting for a show.", LeaveWaitList, WaitListEntry),
        Tool("get_wait_list", "What this customer waits for, and what was offered.", GetWaitList, WaitList),
        Tool("open_support_ticket", "Hand a matter to a person.", OpenSupportTicket, SupportTicket),
    )
}


@cache
def tool_schemas() -> list[dict[str, Any]]:
    """All tools as OpenAI's `tools` parameter."""
    return [tool.schema() for tool in TOOLS.values()]
