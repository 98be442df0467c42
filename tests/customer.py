"""A customer of the end-to-end tests: knows what is wanted, answers questions, reads the structured confirmation."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

from usher_evals.wire import NoAnswer, Refused
from usher_local.public_api import PublicApi

_RETRYABLE = {409, 502, 503, 504}


class Customer:
    """`retry` repeats a message under the same Idempotency-Key when the stack fails, as a good client does."""

    def __init__(self, api: PublicApi, customer_id: str | None = None, *, retry: bool = False) -> None:
        self.api = api
        self.id = customer_id or f"cus_{secrets.token_hex(6)}"
        self.retry = retry
        self.conversation_id: str | None = None

    async def say(self, message: str) -> dict[str, Any]:
        body = {"message": message, "customer_id": self.id}
        if self.conversation_id:
            body["conversation_id"] = self.conversation_id
        answer = await self._post("/chat", body)
        self.conversation_id = answer["conversation_id"]
        return answer

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Idempotency-Key": secrets.token_hex(12)}
        for attempt in range(60 if self.retry else 1):
            try:
                answer: dict[str, Any] = await self.api.call("POST", path, body, headers)
            except (NoAnswer, Refused) as error:
                if not self.retry or attempt == 59 or (isinstance(error, Refused) and error.status not in _RETRYABLE):
                    raise
                await asyncio.sleep(0.5)  # the client's own back-off
            else:
                return answer
        raise AssertionError("unreachable")

    async def propose(self, *messages: str) -> dict[str, Any]:
        """Say these until a confirmation is asked for; the answer that carries it."""
        answers = []
        for message in messages:
            answer = await self.say(message)
            if answer["confirmation"]:
                return answer
            answers.append(answer["reply"])
        raise AssertionError(f"no confirmation was proposed; replies: {answers}")

    async def want(self, event: dict[str, Any], quantity: int = 2) -> dict[str, Any]:
        return await self.propose(
            f"{quantity} tickets for {event['name']} in {event['city']} please",
            f"{event['name']} in {event['city']}, the first date you have",
            "Those are fine, please book them",
            "Yes, book those seats",
        )

    async def orders(self) -> list[dict[str, Any]]:
        orders: list[dict[str, Any]] = (await self.api.call("GET", f"/orders?customer_id={self.id}"))["orders"]
        return orders

    async def wait_for_orders(self, timeout_seconds: float = 60.0) -> list[dict[str, Any]]:
        """The customer's orders once there are any; [] when there are none in time."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while True:
            orders = await self.orders()
            if orders or asyncio.get_running_loop().time() > deadline:
                return orders
            await asyncio.sleep(0.2)


async def event_with_most_seats(api: PublicApi) -> dict[str, Any]:
    events = (await api.call("GET", "/events"))["events"]
    best: dict[str, Any] = max((e for e in events if e["status"] == "on_sale"), key=lambda e: int(e["available"]))
    return best


async def warehouse_orders(api: PublicApi, order_id: str, timeout_seconds: float = 120.0) -> list[dict[str, Any]]:
    """The warehouse's rows of an order, once there are any; one that is away or busy is asked again."""
    deadline = asyncio.get_running_loop().time() + timeout_seconds
    while True:
        rows: list[dict[str, Any]] = []
        try:
            rows = (await api.call("GET", f"/analytics/rows/orders?order_id={order_id}"))["rows"]
        except Refused as error:
            if error.status not in _RETRYABLE:
                raise
        if rows or asyncio.get_running_loop().time() > deadline:
            return rows
        await asyncio.sleep(0.2)
