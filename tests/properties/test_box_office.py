"""Random interleavings of everything that can happen to a box office leave its books in order.

The short run is the same each time; `pytest tests/properties --hypothesis-profile=long` looks further, at random.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from books import Books, read_books
from faults.box_office.faulty import Around, Write, rewritten
from faults.box_office.processes import Plan, Ports, Wrap, as_they_are, here
from faults.box_office.site import SqliteSite
from properties.operations import (
    AGAIN,
    ANY,
    BUYING,
    CHANGING,
    EVENTS,
    HOLDING,
    OPENING,
    VENUE,
    Operation,
    Player,
    small_hall,
)
from usher_tools.payments.ports import Refund

# nothing is cut off here, so nothing needs a disk: thousands of commits are quicker without one
_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  a folder of its own within


class BoxOfficeMachine(RuleBasedStateMachine):
    """Each step is one operation, or several at once; the books are looked at after each."""

    wrap: ClassVar[Wrap] = staticmethod(as_they_are)

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.Runner()
        self._stack = contextlib.AsyncExitStack()

    @initialize()
    def open(self) -> None:
        self._loop.run(self._open())

    async def _open(self) -> None:
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(dir=_MEMORY))
        site = SqliteSite(Path(folder))
        office = await self._stack.enter_async_context(here(Plan(site, self.wrap)))
        self.store, self.provider_store = site.store(), site.provider_store()
        self._stack.push_async_callback(self.store.close)
        self._stack.push_async_callback(self.provider_store.close)
        answer = await office.raw("POST", "/catalogue", caller="cli", json=small_hall())
        assert answer.status_code == 200, answer.text
        self.player = Player(office)
        for operation in OPENING:
            await self.player.play(operation)
        assert len(self.player.orders) == len(OPENING)

    def teardown(self) -> None:
        try:
            if hasattr(self, "player"):
                self._loop.run(self._close_the_day())
        finally:
            self._loop.run(self._stack.aclose())
            self._loop.close()

    def _play(self, *operations: Operation) -> None:
        async def play() -> None:
            async with asyncio.TaskGroup() as group:
                for operation in operations:
                    group.create_task(self.player.play(operation))

        self._loop.run(play())

    @rule(operation=HOLDING)
    def holding(self, operation: Operation) -> None:
        self._play(operation)

    @rule(operation=BUYING)
    def buying(self, operation: Operation) -> None:
        self._play(operation)

    @rule(operation=CHANGING)
    def changing(self, operation: Operation) -> None:
        self._play(operation)

    @rule(operation=AGAIN)
    def again(self, operation: Operation) -> None:
        self._play(operation)

    @rule(operation=VENUE)
    def venue(self, operation: Operation) -> None:
        self._play(operation)

    @precondition(lambda self: len(self.player.yeses) > 8 and not self.player.cancelled)
    @rule()
    def an_event_is_cancelled(self) -> None:
        self._play(("cancel_event",))

    @rule(operations=st.lists(ANY, min_size=2, max_size=4))
    def at_once(self, operations: list[Operation]) -> None:
        self._play(*operations)

    @rule(seconds=st.sampled_from((1, 29, 61, 301, 1000)))
    def time_passes(self, seconds: int) -> None:
        self._play(("advance", seconds))

    @invariant()
    def the_books_are_in_order(self) -> None:
        if hasattr(self, "player"):
            self._loop.run(self._look())

    async def _books(self, event_id: str) -> Books:
        return await read_books(self.store, self.provider_store, self.player.office.clock.now(), event_id)

    async def _look(self) -> None:
        """What holds at every moment; money is compared where no payment is under way."""
        for event_id in EVENTS:
            books = await self._books(event_id)
            books.check_seats()
            if not books.open_intents:
                books.check()
            info = await self.player.office.ok("get_event_info", {"event_id": event_id}, None)
            free = sum(section["available"] for section in info["sections"])
            assert len(books.sold) + len(books.held) + free == books.capacity, event_id

    async def _close_the_day(self) -> None:
        """When every payment has been looked up, money, orders and seats agree to the cent."""
        for _ in range(2):
            await self.player.advance(1000)
            await self.player.reconcile()
            await self.player.refund_cancelled()
        for event_id in EVENTS:
            (await self._books(event_id)).check()


_SHORT = settings(max_examples=40, stateful_step_count=30, derandomize=True, deadline=None, database=None)
BoxOfficeMachine.TestCase.settings = (
    settings.get_profile("long") if settings.get_current_profile_name() == "long" else _SHORT
)
TestBoxOffice = BoxOfficeMachine.TestCase


# controls: planted faults are found


class LostRefunds(Around):
    """A provider that says it gave the money back, and did not."""

    async def refund(self, **wanted: Any) -> Refund:
        return Refund("REF-none", wanted["charge_id"], wanted["amount_minor"])


def lost_refunds(ports: Ports) -> Ports:
    return replace(ports, payments=LostRefunds(ports.payments))


def _drop_credit(write: Write) -> Write | None:
    return None if write.collection == "credit_accounts" else write


def _keep_seats(write: Write) -> Write:
    """Seats that were sold once stay so: the change of an order forgets to free them."""
    if write.collection == "orders" and write.data is not None and write.data["status"] != "confirmed":
        return replace(write, data={**write.data, "seats": write.data["seats"][1:]})
    return write


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (lost_refunds, "the provider kept"),
        (partial(rewritten, rewrite=_drop_credit), "store credit"),
        (partial(rewritten, rewrite=_keep_seats), "sold to nobody"),
    ],
)
def test_a_planted_fault_is_found(fault: Wrap, found: str) -> None:
    machine = type("Faulty", (BoxOfficeMachine,), {"wrap": staticmethod(fault)})
    with pytest.raises(AssertionError, match=found):
        run_state_machine_as_test(
            machine, settings=settings(_SHORT, phases=[Phase.generate], report_multiple_bugs=False)
        )
