"""What a customer may say in words is kept without card numbers, by whichever door it comes."""

from __future__ import annotations

import json
from typing import Any

from box_office import SECRET
from mcp_client import answer, connected
from served import Served, free_port
from usher_shared.documents import Query
from usher_shared.documents.collections import load_collections
from usher_shared.http.tokens import LocalTokenSource

CARD = "4111 1111 1111 1111"
MASK = "[card number removed]"


async def _kept(office: Any) -> str:
    """Everything that the box office has stored or announced."""
    documents = []
    for name, collection in load_collections().items():
        if "tools" in collection.databases:
            documents += [document.data for document in (await office.store.query(Query(name))).documents]
    return json.dumps([*documents, *(event.data for event in office.bus.events)], default=str)


async def test_a_ticket_over_http(office: Any) -> None:
    order = await office.buy(["A-2-5"])
    wanted = {"subject": f"Charged on {CARD}", "details": f"My card is {CARD}", "order_id": order["order_id"]}
    for more in (wanted, {**wanted, "details": f"Again: {CARD.replace(' ', '')}"}):
        await office.ok("open_support_ticket", more, Usher_Conversation="c1")
    kept = await _kept(office)
    assert kept.count(MASK) >= 4
    assert CARD not in kept
    assert CARD.replace(" ", "") not in kept


async def test_a_ticket_over_mcp(office: Any) -> None:
    served = Served(lambda: office.app, free_port(), lifespan=False)
    await served.start()
    token = await LocalTokenSource("gateway", SECRET).token("tools")
    headers = {"Authorization": f"Bearer {token}", "Usher-Customer": "ann", "Usher-Client": "shop"}
    async with connected(served.url + "/mcp", headers) as client:
        wanted = {"subject": f"Charged on {CARD}", "details": f"My card is {CARD}"}
        assert answer(await client.call_tool("open_support_ticket", wanted))["ticket_id"]
    await served.stop()
    kept = await _kept(office)
    assert kept.count(MASK) == 2
    assert CARD not in kept


async def test_the_reason_of_what_is_given_back(office: Any) -> None:
    order = await office.buy(["A-2-5"])
    reason = f"wrong card, it was {CARD}. " + "x" * 460
    quote = await office.quote("refund_order", {"order_id": order["order_id"], "reason": reason})
    # the agent's yes is to what was quoted; one that repeats what was first said is to the same
    yes = office.confirm(quote)
    response = await office.act({**quote, "arguments": {**quote["arguments"], "reason": reason}}, yes=yes)
    assert response.status_code == 200, response.text
    view = await office.ok("get_order", {"order_id": order["order_id"]})
    assert MASK in view["history"][-1]["change"]
    assert CARD not in await _kept(office)
