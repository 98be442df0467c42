"""One rush from the first customer to the sweep."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from usher_local.rush.attack import Attacker
from usher_local.rush.crowd import Morning, Visit, buyer, party
from usher_local.rush.desk import Desk
from usher_local.rush.fairness import Fairness, Waits
from usher_local.rush.plan import CLUB, HALL, Plan
from usher_local.rush.state import State, read_state
from usher_local.rush.sweep import Findings, count_free, oversold, sweep
from usher_shared.clock import SystemClock, to_timestamp
from usher_shared.documents import DocumentStore
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import TokenSource

Report = Callable[[str], None]
_TELL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Result:
    """What came of it. Money in minor units, `seconds` of the rush without start and sweep."""

    plan: Plan
    desk: Desk
    fairness: Fairness
    party_waits: Waits
    found: Findings
    attack: Counter[str]
    sold: int
    oversold: int
    seated: int
    charged_minor: int
    due_minor: int
    seconds: float


async def import_plan(plan: Plan, url: str, operator: TokenSource) -> None:
    """Put the plan's two events on sale at the box office."""
    body = plan.catalogue().model_dump(mode="json", exclude_none=True, by_alias=True)
    async with ServiceClient("tools", url, operator) as tools:
        await tools.call("POST", "/catalogue", json=body)


async def _tell(morning: Morning, report: Report) -> None:
    while True:
        await asyncio.sleep(_TELL_SECONDS)
        seated = sum(v.order is not None for v in morning.visits if v.party is not None)
        waiting = sum(v.order is None for v in morning.visits if v.party is None)
        calls = sum(morning.desk.statuses.values())
        plan = morning.plan
        report(
            f"{morning.now():5.0f} s: sold {morning.sold} of {plan.seats}, {waiting} buyers without a seat, "
            f"parties seated {seated} of {plan.parties}, {calls:,} calls"
        )


async def drive(plan: Plan, desk: Desk, report: Report) -> tuple[Morning, Counter[str]]:
    """Everybody at once, until the last has left; what the attackers were refused."""
    morning = Morning(plan, desk)
    attackers = [Attacker(morning, number) for number in range(plan.attackers)]
    telling = asyncio.create_task(_tell(morning, report))
    try:
        await asyncio.gather(
            *(buyer(morning, customer, comes_at) for comes_at, customer in plan.arrivals()),
            *(party(morning, group) for group in plan.groups()),
            *(attacker.run() for attacker in attackers),
        )
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
    return morning, sum((attacker.refused for attacker in attackers), Counter())


async def _check_over_http(plan: Plan, desk: Desk, state: State, visits: Sequence[Visit], found: Findings) -> None:
    """Whether the box office answers what the stores say."""
    now = to_timestamp(SystemClock().now())
    for event_id in (CLUB, HALL):
        info = await desk.tool("get_event_info", {"event_id": event_id}, "sweeper")
        available = sum(section["available"] for section in info.body.get("sections", [])) if info.ok else -1
        free = count_free(plan, state, event_id, now)
        found.add(
            "free, held and sold are not the capacity", f"{event_id}: {available}, not {free}", abs(available - free)
        )
    for visit in visits:
        if visit.order is None:
            continue
        listed = await desk.orders(visit.customer)
        mine = {order["order_id"]: order for order in listed.body.get("orders", [])}
        same = (
            mine.keys() == {visit.order["order_id"]} and mine[visit.order["order_id"]]["total"] == visit.order["total"]
        )
        found.add("an answer without its order", f"{visit.customer}: {sorted(mine)}", not same)


async def run_rush(
    plan: Plan, desk: Desk, stores: tuple[DocumentStore, DocumentStore], report: Report, died: Callable[[], int]
) -> Result:
    """Drive the box office behind `desk`, whose catalogue is imported, and sweep over what is left.

    `stores` are its documents and the payment provider's; `died` says how many of its processes have ended.
    """
    morning, refused = await drive(plan, desk, report)
    seconds = morning.now()
    report(f"{seconds:5.0f} s: everybody has left; sweeping")
    state = await read_state(*stores)
    found = sweep(plan, state, morning.visits, desk)
    await _check_over_http(plan, desk, state, morning.visits, found)
    found.add("a server process died", f"{died()} processes", died())
    buyers = [visit for visit in morning.visits if visit.party is None]
    parties = [visit for visit in morning.visits if visit.party is not None]
    sold = sum(len(order["seats"]) for order in state.orders if order["event_id"] == CLUB)
    expected = min(plan.seats, plan.buyers)
    found.add("a buyer not sold though seats were left", f"{sold} of {expected}", max(expected - sold, 0))
    return Result(
        plan=plan,
        desk=desk,
        fairness=Fairness.of(buyers),
        party_waits=Waits.of(parties),
        found=found,
        attack=refused,
        sold=sold,
        oversold=oversold(plan, state),
        seated=sum(visit.order is not None for visit in parties),
        charged_minor=sum(capture.amount_minor for capture in state.captured),
        due_minor=sum(order["total_minor"] for order in state.orders),
        seconds=seconds,
    )
