"""The main job: a chat becomes a charged order becomes events."""

from __future__ import annotations

import asyncio

from customer import Customer, event_with_most_seats, warehouse_orders
from usher_local.public_api import PublicApi
from usher_local.webhook_receiver import webhook_receiver


async def test_a_sale_reaches_every_store(api: PublicApi) -> None:
    async with webhook_receiver() as receiver:
        webhook = await api.call("POST", "/webhooks/register", {"url": receiver.url, "events": ["ticket_purchased"]})
        receiver.secret = webhook["secret"]
        customer = Customer(api)
        confirmation = (await customer.want(await event_with_most_seats(api)))["confirmation"]
        assert await customer.orders() == []
        await customer.say("yes please")
        (order,) = await customer.orders()
        assert order["total"] == confirmation["total"]
        assert len(order["seats"]) == 2
        (row,) = await warehouse_orders(api, order["order_id"])
        assert row["status"] == "confirmed"
        event = await receiver.wait_for("ticket_purchased")
        assert event["data"]["order_id"] == order["order_id"]
        await api.call("DELETE", f"/webhooks/{webhook['webhook_id']}")


async def test_a_question_is_no_consent(api: PublicApi) -> None:
    customer = Customer(api)
    await customer.want(await event_with_most_seats(api))
    for question in ("is there parking?", "nice, but what about row B?", "yes?", "hmm, how much was it again?"):
        await customer.say(question)
        assert await customer.orders() == []


async def test_yes_to_one_total_never_buys_another(api: PublicApi) -> None:
    customer = Customer(api)
    first = (await customer.want(await event_with_most_seats(api)))["confirmation"]
    second = (await customer.propose("no, four tickets please", "four, yes please book four", "book those four"))[
        "confirmation"
    ]
    assert second["id"] != first["id"]
    assert second["total"] > first["total"]
    await customer.say("yes")
    (order,) = await customer.orders()
    assert order["total"] == second["total"]
    assert len(order["seats"]) == 4


async def test_the_endpoint_confirms_once(api: PublicApi) -> None:
    customer = Customer(api)
    confirmation = (await customer.want(await event_with_most_seats(api)))["confirmation"]
    path = f"/confirmations/{confirmation['id']}?customer_id={customer.id}"
    await asyncio.gather(*(api.call("POST", path, {"decision": "approve"}) for _ in range(5)), return_exceptions=True)
    assert len(await customer.orders()) == 1


async def test_two_hundred_conversations_at_once(api: PublicApi) -> None:
    event = await event_with_most_seats(api)
    gate = asyncio.Semaphore(200)

    async def buy() -> str:
        async with gate:
            customer = Customer(api, retry=True)
            await customer.want(event)
            await customer.say("yes")
            orders = await customer.orders()
            assert len(orders) == 1, orders
            return str(orders[0]["order_id"])

    order_ids = await asyncio.gather(*(buy() for _ in range(200)))
    assert len(set(order_ids)) == 200
    rows = await asyncio.gather(*(warehouse_orders(api, order_id) for order_id in order_ids))
    assert [len(found) for found in rows] == [1] * 200
    seats = [seat["id"] for (row,) in rows for seat in row["seats"]]
    assert len(seats) == len(set(seats)) == 400, "a seat was sold twice"
