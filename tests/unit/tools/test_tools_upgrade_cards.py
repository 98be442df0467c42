"""The card of an upgrade: asked for only where something is due, and not again by a retry."""

from __future__ import annotations

from typing import Any

from usher_tools.payments.ports import PaymentUnknown


class _Cards:
    """A customer may remove the card, and captures may go unanswered."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.has_card = True
        self.silent = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def default_method(self, customer_id: str) -> str | None:
        token: str | None = await self._inner.default_method(customer_id)
        return token if self.has_card else None

    async def find(self, *args: Any, **wanted: Any) -> Any:
        if self.silent:
            raise PaymentUnknown("silence")
        return await self._inner.find(*args, **wanted)

    async def capture(self, **wanted: Any) -> Any:
        made = await self._inner.capture(**wanted)
        if self.silent:
            raise PaymentUnknown("silence")
        return made


async def _upgrade(office: Any, seats: list[str]) -> Any:
    order = await office.buy(seats)
    return await office.quote("upgrade_tickets", {"order_id": order["order_id"], "target_section": "A"})


async def test_better_seats_at_the_same_price_need_no_card(open_box_office: Any) -> None:
    async with open_box_office(wrap=_Cards) as office:
        quote = await _upgrade(office, ["A-3-5"])
        assert quote["total"] == 0.0
        office.payments.has_card = False
        done = await office.act(quote)
        assert (done.status_code, done.json().get("price_delta")) == (200, 0.0)


async def test_dearer_seats_do(open_box_office: Any) -> None:
    async with open_box_office(wrap=_Cards) as office:
        quote = await _upgrade(office, ["B-A-4"])
        office.payments.has_card = False
        refused = await office.act(quote)
        assert (refused.status_code, refused.json()["code"]) == (409, "no_payment_method")


async def test_a_retry_ends_what_was_begun_with_a_card_that_is_gone(open_box_office: Any) -> None:
    async with open_box_office(wrap=_Cards) as office:
        quote = await _upgrade(office, ["B-A-4"])
        yes = office.confirm(quote)
        office.payments.silent = True
        assert (await office.act(quote, yes=yes)).status_code == 504
        office.payments.silent = office.payments.has_card = False
        done = await office.act(quote, yes=yes)
        assert (done.status_code, done.json().get("status")) == (200, "upgraded")
