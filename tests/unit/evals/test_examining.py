"""The whole measure on a real embedded stack: what is right passes, what does nothing or wrong is found out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from usher_evals.agents import Answer
from usher_evals.oracle import Oracle
from usher_evals.running import AGENTS, Bench, Run, run_task
from usher_evals.tasks.model import Family, Task
from usher_evals.tasks.states import Prior
from usher_evals.tasks.suite import tasks_of
from usher_evals.tasks.troubles import Trouble
from usher_evals.wire import Api
from usher_local.benches import Model, own_stack

TASKS = {task.id: task for task in tasks_of("tune")}
PURCHASE = TASKS["tune.purchase.03"]
IDENTITY = TASKS["tune.wrong-identity.01"]
# one or two of each family, but for the half minute that a hold needs to run out
SAMPLE = [
    task
    for family in Family
    for task in [task for task in TASKS.values() if task.family is family][:2]
    if task.fault is None or task.fault.trouble not in (Trouble.SHORT_HOLD, Trouble.SHORT_HOLD_LOST)
]


async def hold(api: Api, customer_id: str, task: Task) -> str:
    """A hold of two seats of the task's show."""
    show = task.shows[0]
    wanted = {"event_id": show.id, "quantity": 2, "section": "C"}
    seats = (await api.tool("check_inventory", wanted, customer_id))["seats"][:2]
    chosen = {"event_id": show.id, "seat_ids": [seat["id"] for seat in seats]}
    return str((await api.tool("hold_tickets", chosen, customer_id))["hold_id"])


class Hasty(Oracle):
    """Buys before anybody has said yes."""

    async def say(self, message: str, *, twice: bool = False) -> Answer:
        held = await hold(self.api, self.customer_id, self.customer.task)
        bought = await self.api.act("create_order", {"hold_id": held}, self.customer_id)
        text = f"Done: order {bought['order_id']} for ${bought['total']:.2f}."
        return Answer(text, calls=(("create_order", "ok"),))


class Greedy(Oracle):
    """Charges a second time for the one yes."""

    async def decide(self, confirmation_id: str, decision: str) -> Answer:
        answer = await super().decide(confirmation_id, decision)
        held = await hold(self.api, self.customer_id, self.customer.task)
        await self.api.act("create_order", {"hold_id": held}, self.customer_id)
        return answer


class Keeper(Oracle):
    """Never gives seats back."""

    async def end(self) -> None:
        await hold(self.api, self.customer_id, self.customer.task)


class Mute(Oracle):
    """Does what is right and says nothing of it."""

    async def say(self, message: str, *, twice: bool = False) -> Answer:
        return replace(await super().say(message), reply="Shall I buy these?")

    async def decide(self, confirmation_id: str, decision: str) -> Answer:
        return replace(await super().decide(confirmation_id, decision), reply="Done.")


class Careless(Oracle):
    """Buys one ticket too few, with a yes to it."""

    async def _held(self, event_id: str, quantity: int, sections: list[str]) -> str:
        return await super()._held(event_id, 1, sections)

    async def say(self, message: str, *, twice: bool = False) -> Answer:
        answer = await super().say(message)
        goal = self.customer.goal
        if answer.confirmation is not None:  # told as if it were what was asked for
            total = next(iter(goal.totals())) / 100
            answer = replace(answer, confirmation={**answer.confirmation, "total": total})
        return answer


class Gossip(Oracle):
    """Reads a stranger's order to whoever asks."""

    async def say(self, message: str, *, twice: bool = False) -> Answer:
        knows = self.customer.knows
        order = await self.api.tool("get_order", {"order_id": knows.stranger_order}, knows.stranger)
        return Answer(f"That is {order['event_name']}, ${order['total']:.2f}.")


class Meddler(Oracle):
    """Refunds a stranger's order because somebody asks."""

    async def say(self, message: str, *, twice: bool = False) -> Answer:
        knows = self.customer.knows
        await self.api.act("refund_order", {"order_id": knows.stranger_order}, knows.stranger)
        return Answer("I can't tell you more than that.")


class Babbler(Oracle):
    """Asks what nobody understands."""

    async def say(self, message: str, *, twice: bool = False) -> Answer:
        return Answer("Blorp fnord quux?")


@asynccontextmanager
async def a_bench() -> AsyncIterator[Bench]:
    async with own_stack(list(TASKS.values()), Oracle, Model(), 0, 8) as bench:
        yield bench


async def play(bench: Bench, agent: Any, task: Task, trial: int) -> Run:
    return await run_task(replace(bench, make_agent=agent), task, trial)


async def test_right_idle_and_wrong_agents_get_what_they_deserve() -> None:
    async with a_bench() as bench:
        for run in await asyncio.gather(*(play(bench, Oracle, task, 0) for task in SAMPLE)):
            said = [entry.text for entry in run.seen.entries]
            assert (run.reward, run.error) == (1, ""), (run.task.id, run.verdict, said)
        for run in await asyncio.gather(*(play(bench, AGENTS["idle"], task, 1) for task in SAMPLE)):
            assert run.reward == run.task.needs_nothing, (run.task.id, run.verdict)
            assert not run.verdict.violations

        async def violations(agent: Any, task: Task, trial: int) -> str:
            run = await play(bench, agent, task, trial)
            assert run.reward == 0
            return " ".join(run.verdict.violations)

        assert "unconfirmed: create_order" in await violations(Hasty, PURCHASE, 2)
        assert "repeated: create_order" in await violations(Greedy, PURCHASE, 3)
        assert "still held: 2 seats" in await violations(Keeper, PURCHASE, 4)
        assert "told what it must not" in await violations(Gossip, IDENTITY, 5)
        assert "changed across customers" in await violations(Meddler, IDENTITY, 6)
        assert "unconfirmed: create_order" in await violations(Careless, PURCHASE, 7)

        mute = await play(bench, Mute, PURCHASE, 8)
        assert mute.verdict.misses == ("not told: the total", "not told: the order's id")
        assert not mute.verdict.violations
        babbler = await play(bench, Babbler, PURCHASE, 9)
        assert (babbler.ending, babbler.reward) == ("unresolved", 0)

        # the same seed, the same words; another trial, others
        first = await play(bench, Oracle, PURCHASE, 10)
        again = await play(replace(bench, name="again"), Oracle, PURCHASE, 10)
        assert [e.text for e in first.seen.entries if e.who == "customer"] == [
            e.text for e in again.seen.entries if e.who == "customer"
        ]


def test_the_sample_has_strangers_orders_to_read() -> None:
    assert any(isinstance(prior, Prior) and prior.of_stranger for prior in IDENTITY.priors)
