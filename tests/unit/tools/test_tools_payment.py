"""Payments that decline, fall silent or are cut off by a crash: one order and one charge, or neither."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.orders.payment import reconcile
from usher_tools.payments.ports import Charge, PaymentUnknown


async def _orders(office: Any, customer: str = "ann") -> list[dict[str, Any]]:
    orders: list[dict[str, Any]] = (await office.ok("list_orders", {"customer_id": customer}, customer))["orders"]
    return orders


async def test_declined_charges_nothing_and_keeps_the_hold(office: Any) -> None:
    quote = await office.purchase(["A-2-5"], token="tok_declined")
    response = await office.act(quote)
    assert (response.status_code, response.json()["code"]) == (409, "payment_declined")
    assert await _orders(office) == []
    taken = await office.tool("hold_tickets", {"event_id": "tonight", "seat_ids": ["A-2-5"]}, "bob")
    assert taken.json()["code"] == "seats_taken"
    other_card = await office.quote("create_order", {**quote["arguments"], "payment_method_token": "tok_visa"})
    assert (await office.act(other_card)).status_code == 200


async def test_a_declined_confirmation_stays_declined(office: Any) -> None:
    quote = await office.purchase(["A-2-5"], token="tok_declined")
    yes = office.confirm(quote)
    for _ in range(2):
        assert (await office.act(quote, yes=yes)).json()["code"] == "payment_declined"


async def test_method_on_file(office: Any) -> None:
    await office.payments.store_method("ann", "tok_declined")
    assert (await office.act(await office.purchase(["A-2-5"]))).json()["code"] == "payment_declined"
    assert (await office.act(await office.purchase(["A-2-6"], "eve-declined"), "eve-declined")).status_code == 409


async def test_an_answer_lost_after_charging_is_looked_up(office: Any) -> None:
    quote = await office.purchase(["A-2-5"], token="tok_timeout")
    response = await office.act(quote)
    assert response.status_code == 200
    assert len(await _orders(office)) == 1
    assert len(await office.published("usher.ticket_purchased.v1")) == 1


async def test_silence_before_charging_is_unknown_then_called_off(office: Any) -> None:
    quote = await office.purchase(["A-2-5"], token="tok_timeout_before")
    yes = office.confirm(quote)
    for _ in range(2):
        response = await office.act(quote, yes=yes)
        assert (response.status_code, response.json()["code"]) == (504, "payment_unknown")
    await reconcile(office.office)
    assert (await office.act(quote, yes=yes)).status_code == 504  # still in time: it may yet arrive
    release = await office.tool("release_hold", {"hold_id": quote["arguments"]["hold_id"]})
    assert release.json()["code"] == "hold_paying"
    office.clock.advance(timedelta(seconds=301))
    await reconcile(office.office)
    response = await office.act(quote, yes=yes)
    assert (response.status_code, response.json()["code"]) == (409, "payment_voided")
    assert (await office.free())["A"] == 40
    assert await _orders(office) == []


async def test_seats_cannot_lapse_while_the_customer_pays(office: Any) -> None:
    hold = await office.hold(["A-2-5"], expires_in_seconds=30)
    quote = await office.quote(
        "create_order", {"hold_id": hold["hold_id"], "payment_method_token": "tok_timeout_before"}
    )
    assert (await office.act(quote)).status_code == 504
    office.clock.advance(timedelta(seconds=60))
    taken = await office.tool("hold_tickets", {"event_id": "tonight", "seat_ids": ["A-2-5"]}, "bob")
    assert taken.json()["code"] == "seats_taken"


class _Silent:
    """A provider that does what it is asked, and cannot be heard until `awake`: from the `mute` step on."""

    mute = "authorise"

    def __init__(self, inner: SandboxPayments) -> None:
        self._inner = inner
        self.awake = False
        self.asked: list[str] = []
        self.refunded: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def _stay_silent(self, step: str) -> None:
        if not self.awake and step == self.mute:
            raise PaymentUnknown("silence")

    async def authorise(self, **wanted: Any) -> Charge:
        self.asked.append("authorise")
        charge = await self._inner.authorise(**wanted)
        self._stay_silent("authorise")
        return charge

    async def capture(self, **wanted: Any) -> Charge:
        self.asked.append("capture")
        charge = await self._inner.capture(**wanted)
        self._stay_silent("capture")
        return charge

    async def find(self, idempotency_key: str, **wanted: Any) -> Charge | None:
        if self.mute in self.asked:
            self._stay_silent(self.mute)
        return await self._inner.find(idempotency_key, **wanted)

    async def refund(self, **wanted: Any) -> Any:
        self.refunded.append(wanted["amount_minor"])
        return await self._inner.refund(**wanted)


class _SilentCapture(_Silent):
    mute = "capture"


async def _held_at(office: Any, key: str, customer: str = "ann") -> str | None:
    found = await office.payments.find(key, customer_id=customer)
    return None if found is None else found.state


@pytest.mark.parametrize("silent", [_Silent, _SilentCapture])
async def test_a_retry_finds_the_payment_and_does_not_pay_again(open_box_office: Any, silent: Any) -> None:
    async with open_box_office(wrap=silent) as office:
        quote = await office.purchase(["A-2-5"])
        yes = office.confirm(quote)
        assert (await office.act(quote, yes=yes)).status_code == 504
        office.payments.awake = True
        first = await office.act(quote, yes=yes)
        again = await office.act(quote, yes=yes)
        assert first.status_code == 200
        assert first.json() == again.json()
        assert office.payments.asked == ["authorise", "capture"]
        assert len(await _orders(office)) == 1


async def test_seats_lost_after_the_authorisation_are_never_charged(open_box_office: Any) -> None:
    async with open_box_office(wrap=_Silent) as office:
        quote = await office.purchase(["A-2-5"])
        yes = office.confirm(quote)
        assert (await office.act(quote, yes=yes)).status_code == 504
        office.clock.advance(timedelta(seconds=301))
        await office.hold(["A-2-5"], "bob")
        office.payments.awake = True
        for _ in range(2):
            response = await office.act(quote, yes=yes)
            assert (response.status_code, response.json()["code"]) == (409, "seats_taken")
        await reconcile(office.office)
        assert office.payments.asked == ["authorise"]
        assert await _held_at(office, yes.id) == "voided"
        assert office.payments.refunded == []
        assert await _orders(office) == []


async def test_seats_lost_after_the_capture_are_refunded_once(open_box_office: Any) -> None:
    async with open_box_office(wrap=_SilentCapture) as office:
        quote = await office.purchase(["A-2-5"])
        yes = office.confirm(quote)
        assert (await office.act(quote, yes=yes)).status_code == 504
        office.clock.advance(timedelta(seconds=301))
        await office.hold(["A-2-5"], "bob")
        office.payments.awake = True
        for _ in range(2):
            response = await office.act(quote, yes=yes)
            assert (response.status_code, response.json()["code"]) == (409, "seats_taken")
        await reconcile(office.office)
        assert office.payments.refunded == [quote["total_minor"]]
        assert await _orders(office) == []


@pytest.mark.parametrize("silent", [_Silent, _SilentCapture])
async def test_seats_still_free_after_a_long_payment_are_sold(open_box_office: Any, silent: Any) -> None:
    async with open_box_office(wrap=silent) as office:
        quote = await office.purchase(["A-2-5"])
        assert (await office.act(quote)).status_code == 504
        office.clock.advance(timedelta(seconds=301))
        office.payments.awake = True
        await reconcile(office.office)
        (order,) = await _orders(office)
        assert [seat["id"] for seat in order["seats"]] == ["A-2-5"]
        assert (await office.free())["A"] == 39


async def test_an_answer_lost_after_capturing_is_looked_up(office: Any) -> None:
    quote = await office.purchase(["A-2-5"], token="tok_capture_timeout")
    assert (await office.act(quote)).status_code == 200
    assert len(await _orders(office)) == 1


async def test_a_refused_capture_gives_the_authorisation_up(office: Any) -> None:
    quote = await office.purchase(["A-2-5"], token="tok_capture_declined")
    yes = office.confirm(quote)
    response = await office.act(quote, yes=yes)
    assert (response.status_code, response.json()["code"]) == (409, "payment_declined")
    assert await _held_at(office, yes.id) == "voided"
    assert await _orders(office) == []
    other_card = await office.quote("create_order", {**quote["arguments"], "payment_method_token": "tok_visa"})
    assert (await office.act(other_card)).status_code == 200


class _Meanwhile:
    """A provider during whose `step` something happens at the box office."""

    step = "authorise"

    def __init__(self, inner: SandboxPayments) -> None:
        self._inner = inner
        self.happens: Any = None

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any, **wanted: Any) -> Any:
            answer = await getattr(self._inner, name)(*args, **wanted)
            if name == self.step and self.happens is not None:
                happens, self.happens = self.happens, None
                await happens()
            return answer

        return call


class _MeanwhileCaptured(_Meanwhile):
    step = "capture"


def _changing(office: Any, catalogue: dict[str, Any], **changes: Any) -> Any:
    catalogue["events"][0] |= changes

    async def happens() -> None:
        response = await office.raw("POST", "/catalogue", caller="cli", json=catalogue)
        assert response.status_code == 200, response.text

    return happens


@pytest.mark.parametrize("late", [False, True])
async def test_a_price_that_changed_during_the_payment_is_not_charged(
    open_box_office: Any, small_catalogue: Any, late: bool
) -> None:
    """By one read while the reservation certainly stands, in a transaction when it may not."""
    async with open_box_office(wrap=_Meanwhile) as office:
        quote = await office.purchase(["A-2-5"])
        yes = office.confirm(quote)
        change = _changing(office, small_catalogue(), prices={"A": 121, "B": 60.5, "C": 80})

        async def happens() -> None:
            await change()
            if late:
                office.clock.advance(timedelta(seconds=100))

        office.payments.happens = happens
        response = await office.act(quote, yes=yes)
        assert (response.status_code, response.json()["code"]) == (409, "price_changed")
        assert await _held_at(office, yes.id) == "voided"
        assert await _orders(office) == []
        again = await office.quote("create_order", quote["arguments"])
        assert again["total"] > quote["total"]
        assert (await office.act(again)).status_code == 200


async def test_a_slow_payment_whose_seats_still_stand_is_captured(open_box_office: Any) -> None:
    async with open_box_office(wrap=_Meanwhile) as office:
        quote = await office.purchase(["A-2-5"])

        async def happens() -> None:
            office.clock.advance(timedelta(seconds=100))

        office.payments.happens = happens
        assert (await office.act(quote)).status_code == 200


@pytest.mark.parametrize(("wrap", "state"), [(_Meanwhile, "voided"), (_MeanwhileCaptured, "captured")])
async def test_an_event_that_is_cancelled_during_the_payment_sells_nothing(
    open_box_office: Any, small_catalogue: Any, wrap: Any, state: str
) -> None:
    async with open_box_office(wrap=wrap) as office:
        quote = await office.purchase(["A-2-5"])
        yes = office.confirm(quote)
        office.payments.happens = _changing(office, small_catalogue(), status="cancelled")
        response = await office.act(quote, yes=yes)
        assert (response.status_code, response.json()["code"]) == (409, "event_cancelled")
        assert await _orders(office) == []
        charge = await office.payments.find(yes.id, customer_id="ann")
        assert charge.state == state
        books = await office.payments._inner._store.get("sandbox_charges", yes.id)
        assert books["refunded_minor"] == (quote["total_minor"] if state == "captured" else 0)


async def test_fifty_calls_with_one_confirmation_charge_once(office: Any) -> None:
    quote = await office.purchase(["A-2-5", "A-2-6"])
    yes = office.confirm(quote)
    responses = await asyncio.gather(*(office.act(quote, yes=yes) for _ in range(50)))
    done = [response.json() for response in responses if response.status_code == 200]
    assert done
    assert all(answer == done[0] for answer in done)
    assert {r.json()["code"] for r in responses if r.status_code != 200} <= {"idempotency_in_flight"}
    assert len(await _orders(office)) == 1
    assert len(await office.published("usher.ticket_purchased.v1")) == 1


_CRASH = '''
import asyncio, os, runpy, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from box_office import open_files
from usher_tools.payments.ports import PaymentProvider

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class DiesAround:
    """A provider in front of which, or behind which, the process is killed."""
    def __init__(self, inner): self._inner = inner
    def __getattr__(self, name): return getattr(self._inner, name)
    async def authorise(self, **wanted):
        if sys.argv[3] == "before-authorise": die()
        answer = await self._inner.authorise(**wanted)
        if sys.argv[3] == "after-authorise": die()
        return answer
    async def capture(self, **wanted):
        answer = await self._inner.capture(**wanted)
        if sys.argv[3] == "after-capture": die()
        return answer

async def main():
    async with open_files(Path(sys.argv[2]), wrap=DiesAround) as office:
        if sys.argv[3] == "before-publish":
            async def publish(events): die()
            office.bus.publish = publish
        quote = await office.purchase(["A-2-5"])
        yes = office.confirm(quote)
        Path(sys.argv[2], "quote.json").write_text(__import__("json").dumps(quote))
        Path(sys.argv[2], "yes.txt").write_text(yes.to_header())
        await office.act(quote, yes=yes)
        await asyncio.sleep(30)
asyncio.run(main())
'''


def _crash(tmp_path: Path, where: str) -> None:
    script = tmp_path / "crash.py"
    script.write_text(_CRASH)
    command = [sys.executable, str(script), str(Path(__file__).parents[2]), str(tmp_path), where]
    result = subprocess.run(command, env={**os.environ}, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == -signal.SIGKILL, result.stderr


@pytest.mark.parametrize("where", ["before-publish", "after-authorise", "after-capture"])
async def test_killed_in_the_middle_of_a_sale(tmp_path: Path, open_box_office: Any, where: str) -> None:
    """After the restart: one order, one charge, one event, without anybody asking again."""
    _crash(tmp_path, where)
    async with open_box_office() as office:
        await reconcile(office.office)
        (order,) = await _orders(office)
        assert [seat["id"] for seat in order["seats"]] == ["A-2-5"]
        (event,) = await office.published("usher.ticket_purchased.v1")
        assert event.data["order_id"] == order["order_id"]
        assert (await office.free())["A"] == 39


async def test_killed_before_the_charge(tmp_path: Path, open_box_office: Any) -> None:
    """Nothing was charged: the seats come free when the payment's time is over."""
    _crash(tmp_path, "before-authorise")
    async with open_box_office() as office:
        await reconcile(office.office)
        assert await _orders(office) == []
        assert (await office.free())["A"] == 39
        office.clock.advance(timedelta(seconds=301))
        await reconcile(office.office)
        assert await _orders(office) == []
        assert (await office.free())["A"] == 40
