"""The invariant sweep: what must hold after every rush, each broken rule counted and named."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from usher_local.rush.crowd import Visit
from usher_local.rush.desk import Desk
from usher_local.rush.plan import CLUB, HALL, Plan
from usher_local.rush.seating import find_orphans, sits_together
from usher_local.rush.state import State
from usher_shared.clock import from_timestamp


@dataclass(slots=True)
class Findings:
    """`violations` counts by rule; `examples` keeps the first of each rule."""

    violations: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, rule: str, example: str, count: int = 1) -> None:
        if count > 0:
            self.violations[rule] += count
            self.examples.setdefault(rule, example)

    @property
    def total(self) -> int:
        return sum(self.violations.values())


CAP_RULES = (
    "more holds at a time than the cap",
    "more seats at a time than the cap",
    "more seats in a hold than the cap",
    "a seat held longer than the cap",
)
RULES = (
    "a seat in two orders",
    "more sold than there are seats",
    "seats of orders and of rows differ",
    "tallies and rows differ",
    "free, held and sold are not the capacity",
    "an order not captured exactly once",
    "money taken without an order",
    "captured is not the sum of the orders",
    "a payment left open",
    "money reserved and never let go",
    "an answer without its order",
    "an order without its answer",
    "a party not seated",
    "a party not side by side",
    "an avoidable single seat left",
    "a wheelchair seat given to others",
    "no wheelchair seat for who asked",
    *CAP_RULES,
    "a server error",
    "a request without an answer",
    "an unexpected answer",
    "a buyer not sold though seats were left",
    "a server process died",
)


def sweep(plan: Plan, state: State, visits: Sequence[Visit], desk: Desk) -> Findings:
    """Everything that can be told from the stores and from the answers that customers got."""
    found = Findings()
    _check_seats(plan, state, found)
    _check_money(state, found)
    _check_answers(state, visits, found)
    _check_parties(plan, state, visits, found)
    check_caps(plan, state, found)
    found.add("a server error", str(dict(desk.statuses)), desk.server_errors)
    found.add("a request without an answer", str(dict(desk.refusals)), desk.unanswered)
    found.add("an unexpected answer", str(dict(desk.refusals)), desk.unexpected)
    return found


def oversold(plan: Plan, state: State) -> int:
    """Seats sold that another has too, or that there never were."""
    sold = [(str(order["event_id"]), str(seat["id"])) for order in state.orders for seat in order["seats"]]
    doubled = len(sold) - len(set(sold))
    return max(doubled, sum(event == CLUB for event, _ in sold) - plan.seats)


def _check_seats(plan: Plan, state: State, found: Findings) -> None:
    for event_id, places in plan.capacity.items():
        owners: defaultdict[str, set[str]] = defaultdict(set)
        for order in state.orders:
            if order["event_id"] == event_id:
                for seat in order["seats"]:
                    owners[seat["id"]].add(order["id"])
        for seat_id, orders in owners.items():
            found.add("a seat in two orders", f"{event_id} {seat_id}: {sorted(orders)}", len(orders) - 1)
        count = sum(map(len, owners.values()))
        found.add("more sold than there are seats", f"{event_id}: {count} of {places}", max(count - places, 0))
        in_rows = {seat: taken["order"] for seat, taken in state.rows.get(event_id, {}).items() if "order" in taken}
        differing = [
            seat for seat in owners.keys() | in_rows.keys() if owners.get(seat, set()) != {in_rows.get(seat, "")}
        ]
        found.add("seats of orders and of rows differ", f"{event_id}: {differing[:5]}", len(differing))
        tallied = state.tallied.get(event_id, 0)
        found.add("tallies and rows differ", f"{event_id}: {tallied} and {len(in_rows)}", abs(tallied - len(in_rows)))


def count_free(plan: Plan, state: State, event_id: str, now: str) -> int:
    """The seats that neither an order nor a hold that still lives at `now` has, by the rows."""
    taken = state.rows.get(event_id, {}).values()
    return plan.capacity[event_id] - len([seat for seat in taken if "order" in seat or seat["until"] > now])


def _check_money(state: State, found: Findings) -> None:
    orders = {payment["charge_id"]: order for order in state.orders for payment in order["payments"]}
    taken = Counter(capture.id for capture in state.captured)
    amounts = {capture.id: capture.amount_minor for capture in state.captured}
    for order in state.orders:
        ids = [payment["charge_id"] for payment in order["payments"]]
        once = len(ids) == 1 and taken[ids[0]] == 1 and amounts[ids[0]] == order["total_minor"]
        found.add("an order not captured exactly once", f"{order['id']}: {ids}", not once)
    for capture in state.captured:
        found.add("money taken without an order", capture.id, capture.id not in orders)
    money = sum(capture.amount_minor for capture in state.captured)
    due = sum(order["total_minor"] for order in state.orders)
    found.add("captured is not the sum of the orders", f"{money} and {due}", money != due)
    found.add("a payment left open", f"{state.open_payments} intents", state.open_payments)
    found.add("money reserved and never let go", f"{state.reserved} authorisations", state.reserved)


def _check_answers(state: State, visits: Iterable[Visit], found: Findings) -> None:
    stored = {order["id"]: order for order in state.orders}
    told = {visit.order["order_id"]: visit for visit in visits if visit.order is not None}
    for id, visit in told.items():
        order = stored.get(id)
        same = order is not None and order["customer_id"] == visit.customer and len(order["seats"]) == visit.wanted
        found.add("an answer without its order", f"{visit.customer}: {id}", not same)
    for id in stored.keys() - told.keys():
        found.add("an order without its answer", f"{stored[id]['customer_id']}: {id}")


def _check_parties(plan: Plan, state: State, visits: Iterable[Visit], found: Findings) -> None:
    for visit in visits:
        if visit.party is None:
            continue
        if visit.order is None:
            found.add("a party not seated", visit.customer)
            continue
        seats = visit.order["seats"]
        names = [seat["id"] for seat in seats]
        found.add("a party not side by side", f"{visit.customer}: {names}", not sits_together(names))
        accessible = sum(seat["accessible"] for seat in seats)
        if visit.party.accessible:
            found.add("no wheelchair seat for who asked", f"{visit.customer}: {names}", accessible == 0)
        else:
            found.add("a wheelchair seat given to others", f"{visit.customer}: {names}", accessible)
    for orphan in find_orphans(plan, [hold for hold in state.holds if hold["event_id"] == HALL]):
        found.add("an avoidable single seat left", orphan)


def check_caps(plan: Plan, state: State, found: Findings) -> None:
    """Every customer's holds, honest or not: how many at a time, how large, and how long any seat was kept."""
    by_customer: defaultdict[str, list[tuple[str, str, list[str]]]] = defaultdict(list)
    here: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)  # customer and beginning of each hold, by event
    for hold in state.holds:
        here[hold["event_id"]].add((hold["customer_id"], hold["created_at"]))
        by_customer[hold["customer_id"]].append((hold["created_at"], hold["expires_at"], hold["seat_ids"]))
        more = len(hold["seat_ids"]) - plan.max_seats_per_hold
        found.add("more seats in a hold than the cap", f"{hold['customer_id']}: {hold['seat_ids']}", max(more, 0))
    for customer, holds in by_customer.items():
        most = _most(holds, lambda _: 1)
        found.add("more holds at a time than the cap", f"{customer}: {most}", max(most - plan.max_live_holds, 0))
        for event_id in plan.capacity:
            seats = _most([held for held in holds if (customer, held[0]) in here[event_id]], len)
            found.add("more seats at a time than the cap", f"{customer}: {seats}", max(seats - plan.max_held_seats, 0))
        for seat, kept in _kept_seconds(plan, holds).items():
            found.add(
                "a seat held longer than the cap", f"{customer} {seat}: {kept:.1f} s", kept > plan.max_hold_seconds
            )


def _most(holds: Sequence[tuple[str, str, list[str]]], weight: Callable[[list[str]], int]) -> int:
    """The most that was held at any moment; an end comes before a beginning of the same moment."""
    edges = [(begin, weight(seats)) for begin, _, seats in holds] + [(end, -weight(seats)) for _, end, seats in holds]
    live = most = 0
    for _, step in sorted(edges):
        live += step
        most = max(most, live)
    return most


def _kept_seconds(plan: Plan, holds: Sequence[tuple[str, str, list[str]]]) -> dict[str, float]:
    """The longest time that one customer kept each seat, holds within the chain gap counted as one."""
    longest: dict[str, float] = {}
    chains: dict[str, tuple[float, float]] = {}
    for begin_text, end_text, seats in sorted(holds):
        begin, end = from_timestamp(begin_text).timestamp(), from_timestamp(end_text).timestamp()
        for seat in seats:
            first, last = chains.get(seat, (begin, end))
            if begin - last > plan.hold_chain_gap_seconds:
                first = begin
            chains[seat] = first, max(last, end)
            longest[seat] = max(longest.get(seat, 0.0), chains[seat][1] - first)
    return longest
