"""One run: a customer of a task talks to an agent, things happen meanwhile, and the end is looked at."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from usher_evals.agents import Agent, Answer, IdleAgent, StackAgent
from usher_evals.customers.customer import Customer
from usher_evals.customers.moves import Decide, Leave
from usher_evals.customers.phrasing import Phrasing
from usher_evals.customers.words import Knowledge
from usher_evals.faults.proxy import Armed, FaultProxy
from usher_evals.grading.grade import grade
from usher_evals.grading.model import Entry, Seen, Stock, Verdict
from usher_evals.grading.state import cents
from usher_evals.oracle import Oracle
from usher_evals.tasks.model import Task
from usher_evals.tasks.troubles import Fault, Trouble
from usher_evals.wire import Api, NoAnswer, Refused
from usher_evals.world import Show

Hook = Callable[[str, dict[str, Any]], Awaitable[None]]
MakeAgent = Callable[[Api, str, Customer, Hook], Agent]
"""The agent of one conversation: of the API, the customer's id, the customer, and what to call before a tool."""
Reprice = Callable[[Show], Awaitable[None]]
AGENTS: dict[str, MakeAgent] = {
    "stack": lambda api, customer_id, _customer, _hook: StackAgent(api, customer_id),
    "oracle": Oracle,
    "idle": lambda *_: IdleAgent(),
}
Charged = Callable[[str], Awaitable[int]]
_HOLD_SECONDS = 31.0  # the shortest hold, and a second
_SETTLE_SECONDS = 6.0
_FAILED_TIMES = {Trouble.DOWN: 4, Trouble.CUT_TWICE: 2, Trouble.PLANTED: 20}
_SUFFIX = {Trouble.DECLINED: "-declined", Trouble.SILENT_BANK: "-timeout"}


@dataclass
class Bench:
    """What runs share. `charged` asks the payment provider what it has of a customer, in cents, where it can be asked.
    `reprice` imports a show again as operators do; without it and `proxy` some tasks cannot run.

    `name` keeps the customers of one examination apart from those of another on the same stack.
    """

    api: Api
    name: str
    now: datetime
    make_agent: MakeAgent
    proxy: FaultProxy | None = None
    reprice: Reprice | None = None
    charged: Charged | None = None
    seed: int = 0
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(12))

    @contextlib.asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """Waiting takes no place from others."""
        self.places.release()
        try:
            yield
        finally:
            await self.places.acquire()


@dataclass
class Run:
    """A run and its verdict. `ending` is how the customer left, `error` what kept the run from being one."""

    task: Task
    trial: int
    ending: str
    seen: Seen
    verdict: Verdict
    seconds: float
    error: str = ""

    @property
    def reward(self) -> int:
        return 0 if self.error or self.ending == "unresolved" else self.verdict.reward

    @property
    def turns(self) -> int:
        return sum(entry.who == "customer" for entry in self.seen.entries)

    @property
    def tool_calls(self) -> int:
        return sum(len(entry.calls) for entry in self.seen.entries)

    @property
    def latencies(self) -> list[float]:
        return [entry.seconds for entry in self.seen.entries if entry.who == "agent"]


class _Stage:
    """One run's parts: customer, agent, and what happens between them."""

    def __init__(self, bench: Bench, task: Task, trial: int) -> None:
        self.bench, self.task, self.trial = bench, task, trial
        fault = task.fault
        suffix = _SUFFIX.get(fault.trouble, "") if fault else ""
        base = f"cus_{hashlib.sha256(f'{bench.name}/{trial}/{task.id}'.encode()).hexdigest()[:12]}"
        self.customer_id = f"{base}{suffix}"
        self.stranger_id, self.rival_id = f"{base[:-1]}s", f"{base[:-1]}r"
        self.seen = Seen(task, self.customer_id)
        self.held: list[str] = []
        self.armed: Armed | None = None
        self.upset: Refused | NoAnswer | None = None
        self.rival_buys: asyncio.Task[dict[str, Any]] | None = None
        self.happened = False

    async def play(self) -> str:
        """The whole run; how it ended. Raises Refused and NoAnswer when the stack itself cannot be set up or read."""
        knows = await self._prepare()
        seed = f"{self.bench.seed}/{self.task.id}/{self.trial}"
        voice = Phrasing(self.task.split, seed)
        customer = Customer(self.task, voice, knows)
        customer.by_endpoint = voice.chance(0.3)
        agent = self.bench.make_agent(self.bench.api, self.customer_id, customer, self._about_to)
        self._arm(self.task.fault)
        try:
            ending = await self._talk(customer, agent)
            self.seen.approved = customer.approved
            await agent.end()
            if self.rival_buys is not None:
                await self.rival_buys
            if self.upset is not None:
                raise self.upset
        finally:
            if self.rival_buys is not None:
                self.rival_buys.cancel()
            if self.armed is not None and self.bench.proxy is not None:
                if self.task.fault is not None and self.task.fault.tool:
                    self.seen.fault_happened = self.armed.done > 0
                self.bench.proxy.disarm(self.customer_id)
        await self._look()
        return ending

    async def _prepare(self) -> Knowledge:
        api, task = self.bench.api, self.task
        orders, stranger_order = [], ""
        for prior in task.priors:
            owner = self.stranger_id if prior.of_stranger else self.customer_id
            section = prior.show.section(prior.section).id
            wanted = {"event_id": prior.show.id, "quantity": prior.quantity, "section": section}
            found = await api.tool("check_inventory", wanted, owner)
            seats = [seat["id"] for seat in found["seats"][: prior.quantity]]
            hold = await api.tool("hold_tickets", {"event_id": prior.show.id, "seat_ids": seats}, owner)
            order = await api.act("create_order", {"hold_id": hold["hold_id"]}, owner)
            if prior.of_stranger:
                stranger_order = str(order["order_id"])
            orders.append(str(order["order_id"]))
        self.seen.before = await api.orders(self.customer_id) if task.priors else []
        self.seen.others_before = await api.orders(self.stranger_id) if stranger_order else []
        for show in task.shows:
            event = await api.event(show.id, self.customer_id)
            self.seen.stocks.append(Stock(show.id, int(event["available"])))
        return Knowledge(self.bench.now, tuple(orders), self.stranger_id if stranger_order else "", stranger_order)

    def _arm(self, fault: Fault | None) -> None:
        if fault is not None and self.bench.proxy is not None and fault.trouble.needs_proxy:
            times = _FAILED_TIMES.get(fault.trouble, 1)
            events = [show.id for show in self.task.shows]
            self.armed = self.bench.proxy.arm(self.customer_id, fault, self._about_to, times=times, events=events)

    async def _talk(self, customer: Customer, agent: Agent) -> str:
        text = customer.start()
        while True:
            self._note("customer", text)
            twice = self.task.fault is not None and self.task.fault.trouble is Trouble.TOLD_TWICE
            answer = await agent.say(text, twice=twice)
            self._hear(answer)
            move = customer.react(answer)
            while isinstance(move, Decide):
                if move.approve:
                    await self._meanwhile(customer)
                if agent.reads_words and not customer.by_endpoint:
                    break
                self._note("customer", f"({'approves' if move.approve else 'rejects'} it with a button)")
                answer = await agent.decide(move.confirmation_id, "approve" if move.approve else "reject")
                self._hear(answer)
                move = customer.react(answer)
            if isinstance(move, Leave):
                return move.ending
            text = move.text

    def _note(self, who: str, text: str) -> None:
        self.seen.entries.append(Entry(who, text))

    def _hear(self, answer: Answer) -> None:
        text = f"(no answer: {answer.failed})" if answer.failed else answer.reply
        self.seen.entries.append(Entry("agent", text, answer.confirmation, answer.calls, answer.seconds, answer.model))

    async def _meanwhile(self, customer: Customer) -> None:
        """What happens between the proposal and the yes, the first time."""
        fault = self.task.fault
        if fault is None or self.happened:
            return
        self.happened = True
        if fault.trouble is Trouble.DEARER:
            self.seen.fault_happened = True
        if fault.trouble in (Trouble.SHORT_HOLD, Trouble.SHORT_HOLD_LOST):
            async with self.bench.away():
                await asyncio.sleep(_HOLD_SECONDS)  # the box office's own clock has to pass the hold's end
            self._note("world", "the hold has run out")
            if fault.trouble is Trouble.SHORT_HOLD_LOST:
                await self._rival_takes(self.task.shows[0].id, self.held)
        elif fault.trouble is Trouble.DEARER and fault.show is not None and self.bench.reprice is not None:
            await self.bench.reprice(fault.show)
            customer.hear_of_price(fault.show)
            self._note("world", "the price has gone up")

    async def _about_to(self, tool: str, arguments: dict[str, Any]) -> None:
        """Called before the agent's call reaches the box office, if a fault waits for that tool."""
        fault = self.task.fault
        if fault is None or tool != "hold_tickets" or tool != fault.tool:
            return
        if arguments.get("event_id") not in {show.id for show in self.task.shows}:
            return  # the agent is after seats of somebody else's task
        self.held = list(arguments.get("seat_ids", []))
        if fault.trouble in (Trouble.RIVAL, Trouble.RIVAL_ALL) and not self.rival_buys:
            try:
                await self._rival_takes(str(arguments["event_id"]), self.held)
            except (Refused, NoAnswer) as error:  # told to the run, not to the agent's call
                self.upset = error

    async def _rival_takes(self, event_id: str, seats: Sequence[str]) -> None:
        """A rival holds these seats at once, and has bought them before the run is looked at."""
        self._note("world", f"a rival takes {', '.join(seats)}")
        wanted = {"event_id": event_id, "seat_ids": list(seats)}
        hold = await self.bench.api.tool("hold_tickets", wanted, self.rival_id)
        buying = self.bench.api.act("create_order", {"hold_id": hold["hold_id"]}, self.rival_id)
        self.rival_buys = asyncio.create_task(buying)

    async def _look(self) -> None:
        """The box office after the end; what is given back on the way is waited for."""
        api, seen = self.bench.api, self.seen
        seen.orders = await api.orders(self.customer_id)
        seen.strangers = await api.orders(self.stranger_id) if any(p.of_stranger for p in self.task.priors) else []
        seen.others = seen.strangers + (await api.orders(self.rival_id) if self._has_rival() else [])
        if self.task.credit is not None or self.bench.charged is not None:
            credits = (await api.tool("get_credit", {}, self.customer_id))["credits"]
            seen.credit = sum(cents(one["balance"]) for one in credits)
        if self.bench.charged is not None:
            seen.charged = await self.bench.charged(self.customer_id)
        deadline = asyncio.get_running_loop().time() + _SETTLE_SECONDS
        while True:
            for stock in seen.stocks:
                stock.disturbed = self._is_disturbed(stock.event_id)
                stock.after = int((await api.event(stock.event_id, self.customer_id))["available"])
            late = asyncio.get_running_loop().time() > deadline
            if late or not any(text.startswith(("still held", "oversold")) for text in grade(seen).violations):
                return
            async with self.bench.away():
                await asyncio.sleep(0.5)  # what is given back after the end, and an older answer of the gateway's cache
            seen.orders = await api.orders(self.customer_id)

    def _is_disturbed(self, event_id: str) -> bool:
        """Whether an agent held seats of this task's show for somebody else's task."""
        holders = self.bench.proxy.holders.get(event_id, set()) if self.bench.proxy is not None else set()
        return bool(holders - {self.customer_id, self.stranger_id, self.rival_id})

    def _has_rival(self) -> bool:
        rivals = (Trouble.RIVAL, Trouble.RIVAL_ALL, Trouble.SHORT_HOLD_LOST)
        return self.task.fault is not None and self.task.fault.trouble in rivals


async def run_task(bench: Bench, task: Task, trial: int) -> Run:
    """A graded run; a stack that cannot be set up or read makes it `broken`, with reward 0."""
    async with bench.places:
        stage = _Stage(bench, task, trial)
        loop = asyncio.get_running_loop()
        started = loop.time()
        error, ending = "", "broken"
        try:
            ending = await stage.play()
        except (Refused, NoAnswer) as failure:
            error = str(failure)
        verdict = grade(stage.seen) if not error else Verdict((f"broken: {error}",))
        return Run(task, trial, ending, stage.seen, verdict, loop.time() - started, error)
