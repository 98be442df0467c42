"""Holds that follow one another: replaced without a gap, extended by a quote, never kept for longer than allowed."""

from __future__ import annotations

import asyncio
import random
from datetime import datetime, timedelta
from typing import Any

from box_office import NOW
from usher_shared.clock import ManualClock, from_timestamp
from usher_shared.documents import Filter, Query
from usher_tools.settings import Settings


class _Slow:
    """The provider takes 100 seconds to say whether it authorises."""

    def __init__(self, inner: Any, clock: ManualClock) -> None:
        self._inner = inner
        self._clock = clock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def authorise(self, **more: Any) -> Any:
        self._clock.advance(timedelta(seconds=100))
        return await self._inner.authorise(**more)


async def _hold(office: Any, seats: list[str], customer: str = "ann", **more: Any) -> Any:
    return await office.tool("hold_tickets", {"event_id": "tonight", "seat_ids": seats, **more}, customer)


async def _quote(office: Any, hold_id: str, customer: str = "ann") -> Any:
    return await office.tool("quote", {"action": "create_order", "arguments": {"hold_id": hold_id}}, customer)


async def _tallies_agree(office: Any) -> None:
    rows = await office.store.query(Query("seat_rows", (Filter("event_id", "==", "tonight"),), limit=500))
    now = office.office.now()[1]
    taken = sum(state.get("until", "9") > now for row in rows.documents for state in row.data["taken"].values())
    assert sum((await office.free()).values()) == 40 + 16 + 5 - taken


async def test_another_choice_keeps_what_both_have(office: Any) -> None:
    first = await office.hold(["A-2-5", "A-2-6"])
    second = await office.hold(["A-2-6", "A-2-7"])
    assert second["replaced"] == [first["hold_id"]]
    assert (await _hold(office, ["A-2-6"], "bob")).status_code == 409
    assert (await _hold(office, ["A-2-5"], "bob")).status_code == 200
    assert (await _quote(office, first["hold_id"])).json()["code"] == "hold_released"
    assert (await _quote(office, second["hold_id"])).status_code == 200
    await _tallies_agree(office)


async def test_a_choice_that_fails_loses_nothing(office: Any) -> None:
    first = await office.hold(["A-2-5", "A-2-6"])
    await office.hold(["A-2-7"], "bob")
    response = await _hold(office, ["A-2-6", "A-2-7"])
    assert (response.json()["code"], response.json()["seat_ids"]) == ("seats_taken", ["A-2-7"])
    assert (await _quote(office, first["hold_id"])).status_code == 200
    await _tallies_agree(office)


async def test_one_hold_replaces_several(office: Any) -> None:
    holds = [await office.hold([f"A-2-{n}"]) for n in (4, 5, 6)]
    whole = await office.hold(["A-2-4", "A-2-5", "A-2-6"])
    assert sorted(whole["replaced"]) == sorted(hold["hold_id"] for hold in holds)
    assert (await office.hold(["B-A-1"]))["replaced"] == []
    await _tallies_agree(office)


async def test_another_customers_hold_is_not_replaced(office: Any) -> None:
    await office.hold(["A-2-5"], "bob")
    assert (await _hold(office, ["A-2-5"])).json()["code"] == "seats_taken"


async def test_what_is_being_paid_for_is_not_replaced(office: Any) -> None:
    hold = await office.hold(["A-2-5", "A-2-6"])
    stored = await office.store.get("holds", hold["hold_id"])
    await office.store.set("holds", hold["hold_id"], {**stored, "status": "paying"})
    assert (await _hold(office, ["A-2-6"])).json()["code"] == "hold_paying"


async def test_seats_of_one_event_are_capped(open_box_office: Any) -> None:
    async with open_box_office(settings=Settings(max_held_seats=8, max_live_holds=5)) as office:
        await office.hold([f"A-2-{n}" for n in range(1, 6)])
        response = await _hold(office, [f"A-3-{n}" for n in range(1, 5)])
        assert (response.status_code, response.json()["code"]) == (409, "too_many_seats")
        await office.hold([f"A-3-{n}" for n in range(1, 4)])
        # those that are replaced do not count
        assert (await _hold(office, [f"A-2-{n}" for n in range(5, 10)])).status_code == 200
        assert (await _hold(office, ["A-1-9"])).json()["code"] == "too_many_seats"
        other = await office.tool("hold_tickets", {"event_id": "next-week", "seat_ids": ["A-2-1"]})
        assert other.status_code == 200


async def test_a_quote_extends_the_hold(office: Any) -> None:
    hold = await office.hold(["A-2-5", "A-2-6"])
    assert (await _quote(office, hold["hold_id"])).json()["expires_at"] == hold["expires_at"]
    office.clock.advance(timedelta(seconds=250))
    quote = (await _quote(office, hold["hold_id"])).json()
    assert datetime.fromisoformat(quote["expires_at"]) == office.clock.now() + timedelta(seconds=180)
    office.clock.advance(timedelta(seconds=170))
    assert (await _hold(office, ["A-2-5"], "bob")).json()["code"] == "seats_taken"
    await _tallies_agree(office)
    assert (await office.act(quote)).status_code == 200


async def test_a_quote_does_not_bring_back_what_ended(office: Any) -> None:
    hold = await office.hold(["A-2-5"])
    office.clock.advance(timedelta(seconds=300))
    assert (await _quote(office, hold["hold_id"])).json()["code"] == "hold_expired"
    assert (await _hold(office, ["A-2-5"], "bob")).status_code == 200


async def test_quotes_do_not_outlive_the_longest_hold(open_box_office: Any) -> None:
    async with open_box_office(settings=Settings(max_hold_seconds=600)) as office:
        hold = await office.hold(["A-2-5"])
        for _ in range(20):
            office.clock.advance(timedelta(seconds=100))
            if (await _quote(office, hold["hold_id"])).status_code != 200:
                break
        assert (await _hold(office, ["A-2-5"], "bob")).status_code == 200
        assert (await _hold(office, ["A-2-5"])).json()["code"] == "seats_taken"


async def test_a_failed_payment_does_not_start_a_new_chain(open_box_office: Any) -> None:
    """Seats kept by a payment that failed late were kept all the same."""
    clock = ManualClock(NOW)

    def slow(payments: Any) -> Any:
        return _Slow(payments, clock)

    async with open_box_office(settings=Settings(max_hold_seconds=300), clock=clock, wrap=slow) as office:
        hold = await office.hold(["A-2-5"])
        clock.advance(timedelta(seconds=269))
        quote = await office.quote("create_order", {"hold_id": hold["hold_id"], "payment_method_token": "tok_declined"})
        assert (await office.act(quote)).json()["code"] == "payment_declined"
        assert (await _hold(office, ["A-2-5"])).json()["code"] == "hold_limit"
        assert (await _hold(office, ["A-2-5"], "bob")).status_code == 200


async def test_a_flood_of_holds_hides_none(office: Any) -> None:
    """Ended holds of other seats do not push the history of this one out of sight."""
    first = await office.hold(["A-2-5"])
    await office.ok("release_hold", {"hold_id": first["hold_id"]})
    refused = None
    for _ in range(150):
        response = await _hold(office, ["B-A-1"])
        if response.status_code != 200:
            refused = response
            break
        await office.ok("release_hold", {"hold_id": response.json()["hold_id"]})
    assert refused is not None
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_holds")
    office.clock.advance(timedelta(seconds=61))
    assert (await _hold(office, ["B-A-1"])).status_code == 200


async def test_refreshing_places_of_general_admission_ends(open_box_office: Any, small_catalogue: Any) -> None:
    """Places are alike: taking others of the section goes on with the same chain."""
    catalogue = small_catalogue()
    catalogue["venues"][0]["sections"].append({"id": "F", "name": "Field", "capacity": 200})
    catalogue["events"][0]["prices"]["F"] = 30
    async with open_box_office(settings=Settings(max_hold_seconds=600), catalogue=catalogue) as office:
        codes = []
        for turn, pause in enumerate((280, 280, 20, 50, 61)):
            response = await _hold(office, [f"F-GA-{turn * 10 + n}" for n in range(1, 8)])
            codes.append(response.json().get("code"))
            office.clock.advance(timedelta(seconds=pause))
        # the third began at 560 s and ended at 600
        assert codes == [None, None, None, "hold_limit", "hold_limit"]
        assert (await _hold(office, ["F-GA-1"])).status_code == 200


async def test_no_sequence_of_moves_keeps_a_seat_for_longer(open_box_office: Any) -> None:
    """An attacker holds, changes, quotes and releases at random: no seat is kept longer than allowed, however the
    holds overlap; pauses shorter than the gap do not count as letting go."""
    settings = Settings(max_hold_seconds=600, hold_chain_gap_seconds=60, max_live_holds=3)
    longest = 0.0
    async with open_box_office(settings=settings) as office:
        for seed in range(6):
            office.clock.advance(timedelta(seconds=700))  # the last one's holds are over
            longest = max(longest, await _attack(office, random.Random(seed), f"attacker-{seed}", settings))
    assert 550 < longest <= 600


async def _attack(office: Any, chance: random.Random, customer: str, settings: Settings) -> float:
    seats = [f"A-2-{n}" for n in range(1, 6)]
    kept: dict[str, list[list[datetime]]] = {seat: [] for seat in seats}  # from when to when, oldest first
    live: dict[str, list[str]] = {}

    def end(hold_id: str, at: datetime) -> None:
        for seat in live.pop(hold_id, ()):
            kept[seat][-1][1] = min(kept[seat][-1][1], at)

    for _ in range(70):
        now = office.clock.now()
        move = chance.choice(("hold", "hold", "quote", "release", "wait"))
        if move == "hold":
            wanted = chance.sample(seats, chance.randint(1, 4))
            response = await _hold(office, wanted, customer, expires_in_seconds=chance.choice((30, 120, 300, 900)))
            if response.status_code == 200:
                answer = response.json()
                for old in answer["replaced"]:
                    end(old, now)
                live[answer["hold_id"]] = wanted
                for seat in wanted:
                    kept[seat].append([now, datetime.fromisoformat(answer["expires_at"])])
        elif live and move == "quote":
            hold_id = chance.choice(list(live))
            if (await _quote(office, hold_id, customer)).status_code == 200:
                stored = await office.store.get("holds", hold_id)
                for seat in live[hold_id]:
                    kept[seat][-1][1] = from_timestamp(stored["expires_at"])
        elif live and move == "release":
            hold_id = chance.choice(list(live))
            await office.ok("release_hold", {"hold_id": hold_id}, customer)
            end(hold_id, now)
        office.clock.advance(timedelta(seconds=chance.choice((0, 1, 25, 55, 90))))
    longest = 0.0
    for spans in kept.values():
        began, last = None, None
        for start, stop in spans:
            if began is None or last is None or (start - last).total_seconds() > settings.hold_chain_gap_seconds:
                began = start
            last = stop
            longest = max(longest, (stop - began).total_seconds())
    return longest


async def test_changes_at_once_leave_one_hold(office: Any) -> None:
    """One customer's clients change the same choice at once: never two holds with one seat, tallies right."""
    await office.hold(["A-2-5", "A-2-6"])
    wanted = [["A-2-5", "A-2-6"], ["A-2-6", "A-2-7"], ["A-2-4", "A-2-5"], ["A-2-6"]] * 4
    responses = await asyncio.gather(*(_hold(office, seats) for seats in wanted))
    assert {response.status_code for response in responses} <= {200, 409}
    page = await office.store.query(Query("holds", (Filter("customer_id", "==", "ann"),), "expires_at", limit=100))
    live = [seat for d in page.documents if d.data["status"] == "held" for seat in d.data["seat_ids"]]
    assert len(live) == len(set(live))
    rows = await office.store.query(Query("seat_rows", (Filter("event_id", "==", "tonight"),), limit=500))
    assert sorted(live) == sorted(f"A-{r.data['row']}-{number}" for r in rows.documents for number in r.data["taken"])
    await _tallies_agree(office)
