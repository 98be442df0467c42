"""A whole agent in the test's own loop: the real app and store, a scripted model, a box office in memory."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import uvicorn

from usher_agent.app import Deps, create_app
from usher_agent.models.ports import Completion, RequestedCall
from usher_agent.settings import Settings
from usher_shared.clock import ManualClock, to_timestamp
from usher_shared.contracts.confirmations import fingerprint
from usher_shared.documents import Filter, Query
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import ConfirmationRequired, Conflict, Forbidden, NotFound, Unavailable, UpstreamTimeout
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "s" * 40
EVENT = "EVT_HAMLET"


class ScriptedModel:
    """Answers with what the script says, in order; then keeps saying `otherwise`."""

    def __init__(self) -> None:
        self.script: list[Any] = []
        self.requests: list[Any] = []
        self.otherwise = "How can I help you?"
        self.gate: asyncio.Event | None = None
        self.asked = asyncio.Event()

    def say(self, text: str) -> None:
        self.script.append(Completion(text, prompt_tokens=10, completion_tokens=5, model="scripted", version="7"))

    def call(self, name: str, arguments: Any = None, **named: Any) -> None:
        self.calls((name, named if arguments is None else arguments))

    def calls(self, *pairs: tuple[str, Any]) -> None:
        calls = [RequestedCall(n, a if isinstance(a, str) else json.dumps(a)) for n, a in pairs]
        self.script.append(Completion("", calls, prompt_tokens=10, completion_tokens=5, model="scripted", version="7"))

    def speak(self, speaking: Callable[[Any, Callable[[str], None]], Awaitable[None]]) -> None:
        """Let that speak piece by piece; it does not come to an answer."""
        self.script.append(SimpleNamespace(speaking=speaking))

    def fail(self, error: BaseException) -> None:
        self.script.append(error)

    async def complete(self, request: Any, on_text: Callable[[str], None] | None = None) -> Completion:
        self.requests.append(copy.deepcopy(request))
        self.asked.set()
        if self.gate is not None:
            await self.gate.wait()
        step = self.script.pop(0) if self.script else Completion(self.otherwise, model="scripted", version="7")
        if isinstance(step, SimpleNamespace):
            await step.speaking(request, on_text)
        if callable(step):
            step = await step(request)
        if isinstance(step, BaseException):
            raise step
        if on_text is not None:
            for word in step.text.split(" ") if step.text else ():
                on_text(word + " ")
                await asyncio.sleep(0)
        return step

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class MemoryBoxOffice:
    """One event with seats at one price; holds, quotes and orders with the checks that the real one makes."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.calls: list[SimpleNamespace] = []
        self.price_minor = 12_000
        self.holds: dict[str, dict[str, Any]] = {}
        self.quotes: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, dict[str, Any]] = {}
        self.tickets: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.consumed: set[str] = set()
        self.answers: dict[str, dict[str, Any]] = {}
        self.faults: dict[str, list[tuple[BaseException, bool]]] = {}
        self.extra: dict[str, dict[str, Any]] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.gate_after = False  # whether a gate holds back the answer of what was done, or the deed
        self.entered = asyncio.Event()
        self.entered_twice = asyncio.Event()
        self.sold = asyncio.Event()
        self._numbers = itertools.count(1)

    @property
    def charged_minor(self) -> int:
        return sum(order["total_minor"] for order in self.orders.values())

    def named(self, tool: str) -> list[SimpleNamespace]:
        return [call for call in self.calls if call.tool == tool]

    def break_next(self, tool: str, error: BaseException, *, after_effect: bool = False, times: int = 1) -> None:
        self.faults.setdefault(tool, []).extend([(error, after_effect)] * times)

    async def run(
        self,
        tool: str,
        arguments: Any,
        caller: Any,
        *,
        idempotency_key: str | None = None,
        confirmation: Any = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        self.calls.append(
            SimpleNamespace(
                tool=tool,
                arguments=dict(arguments),
                caller=caller,
                key=idempotency_key,
                confirmation=confirmation,
            )
        )
        if not self.gate_after:
            await self._pass(tool)
        error, after_effect = self.faults[tool].pop(0) if self.faults.get(tool) else (None, False)
        if error is not None and not after_effect:
            raise error
        scoped = f"{caller.customer_id}/{idempotency_key}"
        if idempotency_key and scoped in self.answers:
            answer = self.answers[scoped]
        else:
            answer = getattr(self, f"_{tool}")(dict(arguments), caller, confirmation)
            if idempotency_key:
                self.answers[scoped] = answer
        if self.gate_after:
            await self._pass(tool)
        if error is not None:
            raise error
        return {**answer, **self.extra.get(tool, {})}

    async def _pass(self, tool: str) -> None:
        self.entered.set()
        if len(self.calls) > 1:
            self.entered_twice.set()
        if tool in self.gates:
            await self.gates[tool].wait()

    def _number(self, prefix: str) -> str:
        return f"{prefix}_{next(self._numbers)}"

    def _seats(self, ids: list[str]) -> list[dict[str, Any]]:
        return [
            {"id": id, "price": self.price_minor / 100, "section": "A", "row": "5", "number": id.split("-")[-1]}
            for id in ids
        ]

    def _search_events(self, arguments: Any, caller: Any, _: Any) -> dict[str, Any]:
        return {"events": [{"event_id": EVENT, "name": "Hamlet"}]}

    def _get_event_info(self, arguments: Any, caller: Any, _: Any) -> dict[str, Any]:
        return {"event_id": arguments["event_id"], "name": "Hamlet"}

    def _check_inventory(self, arguments: Any, caller: Any, _: Any) -> dict[str, Any]:
        return {"event_id": EVENT, "seats": self._seats([f"A-5-{n}" for n in range(12, 12 + arguments["quantity"])])}

    def _hold_tickets(self, arguments: Any, caller: Any, _: Any) -> dict[str, Any]:
        id = self._number("HOLD")
        expires = self.clock.now() + timedelta(seconds=arguments["expires_in_seconds"])
        self.holds[id] = {"customer": caller.customer_id, "seats": arguments["seat_ids"], "expires": expires}
        return {"hold_id": id, "expires_at": to_timestamp(expires), "seats": self._seats(arguments["seat_ids"])}

    def _release_hold(self, arguments: Any, caller: Any, _: Any) -> dict[str, Any]:
        if self.holds.pop(arguments["hold_id"], None) is None:
            raise NotFound("no such hold")
        return {"hold_id": arguments["hold_id"], "status": "released"}

    def _list_orders(self, arguments: Any, caller: Any, _: Any) -> dict[str, Any]:
        assert arguments["customer_id"] == caller.customer_id
        return {"orders": []}

    def _total(self, hold: dict[str, Any]) -> int:
        return self.price_minor * len(hold["seats"])

    def _quote(self, arguments: Any, caller: Any, _: Any) -> dict[str, Any]:
        action, wanted = arguments["action"], arguments["arguments"]
        if action == "refund_order":
            total, seats = -5_000, []
        else:
            hold = self.holds.get(wanted.get("hold_id"))
            if hold is None or hold["customer"] != caller.customer_id:
                raise NotFound("no such hold", code="hold_not_found")
            total, seats = self._total(hold), self._seats(hold["seats"])
        id = self._number("QUOTE")
        self.quotes[id] = {
            "action": action,
            "fingerprint": fingerprint(action, wanted),
            "total": total,
            "customer": caller.customer_id,
            "expires": self.clock.now() + timedelta(minutes=10),
        }
        return {
            "quote_id": id,
            "action": action,
            "arguments": wanted,
            "summary": f"{len(seats)} tickets for Hamlet, section A, row 5",
            "subtotal": total / 100,
            "fees": 0.0,
            "total": total / 100,
            "total_minor": total,
            "currency": "USD",
            "policy": "No refund within 24 hours of the show.",
            "expires_at": to_timestamp(self.quotes[id]["expires"]),
            "event_id": EVENT,
            "event_name": "Hamlet",
            "seats": seats,
        }

    def _confirmed(self, action: str, arguments: Any, caller: Any, confirmation: Any) -> dict[str, Any]:
        if confirmation is None or confirmation.id in self.consumed:
            raise ConfirmationRequired("no recorded yes")
        quote = self.quotes.get(confirmation.quote_id)
        if quote is None or quote["customer"] != caller.customer_id or caller.customer_id != confirmation.customer_id:
            raise Forbidden("not yours")
        if quote["expires"] <= self.clock.now():
            raise Conflict("the quote has expired", code="quote_expired")
        bound = (action, fingerprint(action, arguments), quote["total"])
        assert bound == (confirmation.action, confirmation.fingerprint, confirmation.total_minor)
        return quote

    def _create_order(self, arguments: Any, caller: Any, confirmation: Any) -> dict[str, Any]:
        quote = self._confirmed("create_order", arguments, caller, confirmation)
        hold = self.holds.get(arguments["hold_id"])
        if hold is None or hold["expires"] <= self.clock.now():
            raise Conflict("the hold has expired", code="hold_expired")
        if self._total(hold) != quote["total"]:
            raise Conflict("the price has changed", code="price_changed")
        self.consumed.add(confirmation.id)
        del self.holds[arguments["hold_id"]]
        self.sold.set()
        id = self._number("ORD")
        self.orders[id] = {"total_minor": quote["total"], "customer": caller.customer_id, **arguments}
        return {"order_id": id, "status": "confirmed", "total": quote["total"] / 100, "currency": "USD"}

    def _refund_order(self, arguments: Any, caller: Any, confirmation: Any) -> dict[str, Any]:
        quote = self._confirmed("refund_order", arguments, caller, confirmation)
        self.consumed.add(confirmation.id)
        self.orders[self._number("REF")] = {"total_minor": quote["total"], "customer": caller.customer_id}
        return {"order_id": arguments["order_id"], "status": "refunded", "refunded": 50.0, "currency": "USD"}

    def _open_support_ticket(self, arguments: Any, caller: Any, _: Any) -> dict[str, Any]:
        about = (caller.customer_id, caller.conversation_id, arguments.get("order_id"))
        ticket = self.tickets.setdefault(about, {"ticket_id": self._number("SUP"), "details": []})
        ticket["details"].append(arguments["details"])
        return {"ticket_id": ticket["ticket_id"]}

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class KeepingBus:
    """Takes every event."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def of(self, name: str) -> list[Any]:
        return [event for event in self.events if event.topic == name]

    async def publish(self, events: Any) -> None:
        self.events += events

    async def ping(self) -> None: ...

    async def close(self) -> None: ...


class Client:
    """One customer at the agent, through HTTP."""

    def __init__(self, base_url: str, session: aiohttp.ClientSession, customer: str, caller: str = "gateway") -> None:
        self.base_url = base_url
        self.session = session
        self.customer = customer
        self.tokens = LocalTokenSource(caller, SECRET)

    async def headers(self, **extra: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {await self.tokens.token('agent')}",
            "Usher-Client": "web",
            "Usher-Customer": self.customer,
            **extra,
        }

    async def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        sent = {**await self.headers(), **headers}
        async with self.session.request(method, self.base_url + path, json=body, headers=sent) as response:
            self.last_headers = response.headers
            return response.status, await response.json()

    async def turn(self, message: str, conversation: str = "c1", **more: Any) -> tuple[int, Any]:
        return await self.request("POST", "/turns", {"message": message, "conversation_id": conversation, **more})

    async def say(self, message: str, conversation: str = "c1", **more: Any) -> Any:
        status, body = await self.turn(message, conversation, **more)
        assert status == 200, body
        return body

    async def decide(self, id: str, decision: str) -> tuple[int, Any]:
        return await self.request("POST", f"/confirmations/{id}", {"decision": decision})

    @contextlib.asynccontextmanager
    async def stream(self, message: str, conversation: str = "c1") -> AsyncIterator[aiohttp.ClientResponse]:
        async with self.session.post(
            self.base_url + "/turns",
            json={"message": message, "conversation_id": conversation},
            headers=await self.headers(Accept="text/event-stream"),
        ) as response:
            yield response

    @contextlib.asynccontextmanager
    async def events(self, after: int | None = None, conversation: str = "c1") -> AsyncIterator[Any]:
        extra = {} if after is None else {"Last-Event-ID": str(after)}
        async with self.session.get(
            f"{self.base_url}/conversations/{conversation}/events", headers=await self.headers(**extra)
        ) as response:
            yield response


async def read_frames(
    response: aiohttp.ClientResponse, limit: int | None = None, into: list[tuple[int, dict[str, Any]]] | None = None
) -> list[tuple[int, dict[str, Any]]]:
    frames = [] if into is None else into
    number = 0
    async for raw in response.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            frames.append((number, json.loads(line[6:])))
            if limit is not None and len(frames) >= limit:
                break
    return frames


class World:
    """The agent and all that surrounds it; `restart` is a new process on the same store."""

    def __init__(self, path: Any, settings: dict[str, Any], model: Any = None) -> None:
        self.path = path
        self.settings = {"single_process": True, "sweep_seconds": 3600.0, **settings}
        self.clock = ManualClock(datetime(2026, 11, 20, 18, 0, tzinfo=UTC))
        self.model = model or ScriptedModel()
        self.box = MemoryBoxOffice(self.clock)
        self.bus = KeepingBus()
        self.own_tools: list[Any] = []
        self.knowledge: Any = None
        self.router_model: Any = None
        self.read_frames = read_frames
        self.errors = SimpleNamespace(Conflict=Conflict, UpstreamTimeout=UpstreamTimeout, Unavailable=Unavailable)
        self.event_id = EVENT
        self._stack = contextlib.AsyncExitStack()

    async def start(self) -> None:
        self.store = SqliteDocumentStore(self.path / "agent.db")
        deps = Deps(
            store=self.store,
            bus=self.bus,
            model=self.model,
            box=self.box,
            verifier=LocalTokenVerifier(SECRET),
            clock=self.clock,
            ids=UlidGenerator(),
            own_tools=self.own_tools,
            knowledge=self.knowledge,
            router_model=self.router_model,
        )
        self.app = create_app(Settings(**self.settings), deps)
        config = uvicorn.Config(self.app, port=0, log_config=None, lifespan="on", timeout_graceful_shutdown=1)
        self.server = uvicorn.Server(config)
        sockets = [config.bind_socket()]
        self.base_url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
        self.serving = asyncio.create_task(self.server.serve(sockets))
        self.session = aiohttp.ClientSession()
        while not self.server.started:
            await asyncio.sleep(0.005)
            if self.serving.done():
                self.serving.result()
        self.customer = Client(self.base_url, self.session, "cust-1")

    def other(self, customer: str = "cust-2", caller: str = "gateway") -> Client:
        return Client(self.base_url, self.session, customer, caller)

    async def stop(self) -> None:
        await self.session.close()
        self.server.should_exit = True
        await self.serving

    async def kill(self) -> None:
        """End as a killed process does: what runs is cut off where it stands."""
        runs = list(self.app.state.turns._runs.values())
        while not all(run.task.done() for run in runs):  # a write that is waited for has to be cut off too
            for run in runs:
                run.task.cancel()
            await asyncio.sleep(0)
        await self.stop()

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    async def offer(self, conversation: str = "c1", message: str = "2 tickets for Hamlet") -> Any:
        """Bring the conversation to an open proposal for two seats; the confirmation."""
        self.model.call("check_inventory", event_id=EVENT, quantity=2)
        self.model.call("hold_tickets", event_id=EVENT, seat_ids=["A-5-12", "A-5-13"])

        async def buy(request: Any) -> Completion:
            held = json.loads(next(m for m in reversed(request.messages) if m["role"] == "tool")["content"])
            return Completion("", [RequestedCall("create_order", json.dumps({"hold_id": held["hold_id"]}))])

        self.model.script.append(buy)
        body = await self.customer.say(message, conversation)
        assert body["confirmation"], body
        return body["confirmation"]

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(30):  # so that a failure is one, and no hanging test
            while not await condition():  # noqa: ASYNC110  what is waited for has no event to offer
                await asyncio.sleep(0.002)

    async def settle(self) -> None:
        """Until no approved proposal is without an outcome: the sweep of the start and this one may take turns."""

        async def is_settled() -> bool:
            await self.app.state.sweep.run()
            left = 0
            for state in ("approved", "executing"):
                page = await self.store.query(
                    Query("agent_proposals", (Filter("state", "==", state),), order_by="updated_at")
                )
                left += len(page.documents)
            return left == 0

        await self.until(is_settled)

    async def events(self, name: str) -> list[Any]:
        """What was published on that topic, once the outbox is empty."""

        async def is_empty() -> bool:
            return not (await self.store.query(Query("outbox", order_by="created_at", limit=1))).documents

        await self.until(is_empty)
        return self.bus.of(name)


@pytest.fixture
async def make_world(tmp_path: Any) -> AsyncIterator[Callable[..., Any]]:
    worlds: list[World] = []

    async def make(model: Any = None, **settings: Any) -> World:
        world = World(tmp_path, settings, model)
        await world.start()
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        await world.stop()


@pytest.fixture
async def world(make_world: Any) -> World:
    return await make_world()
