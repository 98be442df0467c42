"""What was disputed, or given back at the provider, is worth nothing more until a person has looked at it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal

import pytest

import box_office
from books import read_books
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_tools.notices.service import take_notice
from usher_tools.payments.ports import Notice, RefundRefused

Foreign = Literal["refund", "failed refund", "dispute"]
TERMS = {what: {"until_hours_before": 1} for what in ("refund", "exchange", "credit", "upgrade")}


def _catalogue() -> dict[str, Any]:
    catalogue = box_office.small_catalogue()
    for event in catalogue["events"]:
        event["policies"] = TERMS
    return catalogue


class _Provider:
    """Something may happen while it captures, and it may refuse refunds."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.meanwhile: Any = None
        self.refuses = False
        self.refunds: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def capture(self, **wanted: Any) -> Any:
        if self.meanwhile is not None:
            await self.meanwhile()
        return await self._inner.capture(**wanted)

    async def refund(self, **wanted: Any) -> Any:
        if self.refuses:
            raise RefundRefused("the charge is disputed")
        self.refunds.add(wanted["idempotency_key"])
        return await self._inner.refund(**wanted)


@pytest.fixture
async def office(open_box_office: Any) -> AsyncIterator[Any]:
    async with open_box_office(catalogue=_catalogue(), wrap=_Provider) as opened:
        yield opened


async def _buy(office: Any, seats: list[str]) -> tuple[str, str]:
    """The order and the charge that paid for it."""
    order = (await office.buy(seats))["order_id"]
    return order, (await office.store.get("orders", order))["payments"][0]["charge_id"]


async def _notify(office: Any, charge_id: str, foreign: Foreign = "dispute", reference: str = "dp_1") -> None:
    await take_notice(Notice("evt_1", "told", charge_id=charge_id, foreign=foreign, reference=reference), office.office)


async def _close(office: Any, ticket_id: str) -> None:
    body = {"by": "eve", "note": "the bank decided for us"}
    response = await office.raw("POST", f"/support-tickets/{ticket_id}/close", caller="cli", json=body)
    assert response.status_code == 200, response.text


async def _try_all(office: Any, order_id: str) -> dict[str, str]:
    """What quoting each change of the order answers: a code, or `quoted`."""
    hold = await office.hold(["A-4-1"], event_id="next-week")
    found = {}
    for action, more in {
        "refund_order": {},
        "credit_order": {},
        "exchange_order": {"hold_id": hold["hold_id"]},
        "upgrade_tickets": {"target_section": "A"},
    }.items():
        response = await office.tool("quote", {"action": action, "arguments": {"order_id": order_id, **more}})
        found[action] = "quoted" if response.status_code == 200 else response.json()["code"]
    await office.ok("release_hold", {"hold_id": hold["hold_id"]})
    return found


@pytest.mark.parametrize("foreign", ["dispute", "refund"])
async def test_nothing_is_given_for_it_until_the_ticket_is_closed(office: Any, foreign: Foreign) -> None:
    order, charge = await _buy(office, ["B-A-4"])
    quoted = await office.quote("credit_order", {"order_id": order})
    for _ in range(2):
        await _notify(office, charge, foreign)
    assert set((await _try_all(office, order)).values()) == {"order_contested"}
    response = await office.act(quoted)
    problem = response.json()
    assert (response.status_code, problem["code"], problem["ticket_id"]) == (409, "order_contested", "SUP_dp_1")
    assert problem["detail"] == (
        "A payment of this order is disputed or was given back. Our staff will look at it: ticket SUP_dp_1."
    )
    view = await office.ok("get_order", {"order_id": order})
    assert (view["status"], len(view["seats"])) == ("confirmed", 1)
    await _close(office, "SUP_dp_1")
    assert set((await _try_all(office, order)).values()) == {"quoted"}
    await _notify(office, charge, foreign)  # told once more
    assert (await office.act(quoted)).status_code == 200


async def test_a_refund_of_ours_that_failed_contests_nothing(office: Any) -> None:
    order, charge = await _buy(office, ["B-A-4"])
    await _notify(office, charge, "failed refund")
    assert set((await _try_all(office, order)).values()) == {"quoted"}


async def test_two_of_them_need_two_words(office: Any) -> None:
    order, charge = await _buy(office, ["B-A-4"])
    await _notify(office, charge, "dispute", "dp_1")
    await _notify(office, charge, "refund", "re_1")
    await _close(office, "SUP_dp_1")
    refused = await office.tool("quote", {"action": "refund_order", "arguments": {"order_id": order}})
    assert (refused.json()["code"], refused.json()["ticket_id"]) == ("order_contested", "SUP_re_1")
    await _close(office, "SUP_re_1")
    await office.quote("refund_order", {"order_id": order})


async def test_every_order_that_the_charge_paid_for(office: Any) -> None:
    """An order, what a part of it was exchanged for, and what that was exchanged for; not another order."""
    first, charge = await _buy(office, ["B-A-4", "B-A-5"])
    orders = [first]
    for seat, part in (("A-2-5", {"seat_ids": ["B-A-4"]}), ("A-2-6", {})):
        hold = await office.hold([seat], event_id="next-week")
        wanted = {"order_id": orders[-1], "hold_id": hold["hold_id"], **part}
        done = await office.act(await office.quote("exchange_order", wanted))
        orders.append(done.json()["new_order_id"])
    other, _ = await _buy(office, ["B-A-6"])
    await _notify(office, charge)
    for order, code in ((orders[0], "order_contested"), (orders[2], "order_contested"), (other, None)):
        answer = await office.tool("quote", {"action": "refund_order", "arguments": {"order_id": order}})
        assert answer.json().get("code") == code
    await _close(office, "SUP_dp_1")
    for order in (orders[0], orders[2]):
        await office.quote("refund_order", {"order_id": order})


async def test_an_exchange_under_way_is_called_off(office: Any, tmp_path: Path) -> None:
    order, charge = await _buy(office, ["B-A-4"])
    hold = await office.hold(["A-2-5"], event_id="next-week")
    quote = await office.quote("exchange_order", {"order_id": order, "hold_id": hold["hold_id"]})
    office.payments.meanwhile = lambda: _notify(office, charge)
    response = await office.act(quote)
    assert (response.status_code, response.json()["code"]) == (409, "order_contested")
    view = await office.ok("get_order", {"order_id": order})
    assert [seat["id"] for seat in view["seats"]] == ["B-A-4"]
    provider = SqliteDocumentStore(tmp_path / "provider.db")
    (await read_books(office.store, provider, office.clock.now(), "next-week")).check()
    await provider.close()


async def test_a_cancellation_leaves_it_to_a_person(office: Any) -> None:
    """A disputed charge cannot be given back once more: it is counted as failed, and goes back after the ticket."""
    order, charge = await _buy(office, ["B-A-4"])
    await _notify(office, charge)
    states = []
    for _ in range(2):
        await office.raw("POST", "/events/tonight/cancel", caller="cli", json={"reason": "storm"})
        await office.app.state.cancellations.round()
        found = (await office.raw("GET", "/events/tonight/cancellation", caller="cli")).json()
        states.append((found["status"], found["failed"], found["refunded"]))
        if len(states) == 1:
            await _close(office, "SUP_dp_1")
    assert states == [("done", 1, 0), ("done", 0, 1)]
    assert (await office.ok("get_order", {"order_id": order}))["status"] == "refunded"


async def test_a_refused_refund_is_not_tried_again_meanwhile(office: Any) -> None:
    """The provider refused it first, and told of the dispute then."""
    _, charge = await _buy(office, ["B-A-4"])
    office.payments.refuses = True
    for turn in range(3):
        if turn == 1:
            office.payments.refuses = False
            await _notify(office, charge)
        if turn == 2:
            await _close(office, "SUP_dp_1")
        await office.raw("POST", "/events/tonight/cancel", caller="cli", json={"reason": "storm"})
        await office.app.state.cancellations.round()
        assert len(office.payments.refunds) == (1 if turn == 2 else 0)
