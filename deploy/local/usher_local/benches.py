"""The benches of `usher eval`: a stack of its own for each trial, or one that runs elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import secrets
import tempfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from usher_evals.faults.proxy import FaultProxy
from usher_evals.faults.serving import serving
from usher_evals.running import Bench, MakeAgent, Reprice
from usher_evals.tasks.model import Task
from usher_evals.wire import Api, Refused
from usher_evals.world import Show, catalogue
from usher_local.provision import create_api_key, import_catalogue
from usher_local.stack import consecutive_ports, load_stack
from usher_local.supervisor import running_stack
from usher_shared.documents import Query
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import Unprocessable
from usher_tools.catalogue.model import Catalogue

_SCOPES = ["chat", "orders", "tools", "act_as_customer"]
_TOOL_SECONDS = 4.0
_HOW = "write today's with `usher eval --catalogue FILE` and import it there"
_CACHE_SECONDS = 3.0  # more than the gateway's USHER_GATEWAY_CATALOGUE_SECONDS of 2
_LATE_SECONDS = 4.6  # an answer that the agent has stopped waiting for


@dataclass(frozen=True, slots=True)
class Model:
    """Which model answers in the examined stack; none of it: the offline engine."""

    url: str | None = None
    name: str | None = None

    def settings(self) -> dict[str, str]:
        url = {"USHER_AGENT_MODEL_URL": self.url} if self.url else {}
        return url | ({"USHER_AGENT_MODEL_NAME": self.name} if self.name else {})


def shows_of(tasks: Sequence[Task]) -> list[Show]:
    """Each show of these tasks once, as it is before anything happens."""
    return list({show.id: show for task in tasks for show in task.shows}.values())


@contextlib.asynccontextmanager
async def own_stack(
    tasks: Sequence[Task], make_agent: MakeAgent, model: Model, seed: int, concurrency: int
) -> AsyncIterator[Bench]:
    """A bench on a fresh stack in a temporary folder, with the faults' proxy between its agent and its box office."""
    with tempfile.TemporaryDirectory(prefix="usher-eval-") as folder:
        home = Path(folder)
        proxy = FaultProxy(lambda: load_stack(home).url("tools"), late_seconds=_LATE_SECONDS)
        async with serving(proxy) as url:
            settings = _settings(url) | model.settings()
            async with running_stack(home, consecutive_ports(0), lambda *_: None, settings) as (stack, _):
                now = datetime.now(UTC)
                shows = shows_of(tasks)
                await import_catalogue(stack, Catalogue.model_validate(catalogue(shows, now)))
                key = (await create_api_key(stack, "eval", _SCOPES, 1_000_000))["api_key"]

                async def reprice(show: Show) -> None:
                    await import_catalogue(stack, Catalogue.model_validate(catalogue([show], now)))

                provider = SqliteDocumentStore(stack.data / "sandbox_payments.db")
                async with Api(stack.url("gateway"), {"X-API-Key": key}) as api:
                    bench = _bench(api, now, make_agent, seed, concurrency, proxy, reprice)
                    bench.charged = functools.partial(_net_charges, provider)
                    try:
                        yield bench
                    finally:
                        await provider.close()


def _settings(proxy_url: str) -> dict[str, str]:
    return {
        "USHER_AGENT_TOOLS_URL": proxy_url,
        "USHER_AGENT_TOOL_TIMEOUT_SECONDS": str(_TOOL_SECONDS),
        "USHER_AGENT_ACTION_TIMEOUT_SECONDS": str(_TOOL_SECONDS),
        "USHER_TOOLS_QUOTE_EXTENDS_SECONDS": "0",  # so that a hold can end before the yes
        "USHER_GATEWAY_CATALOGUE_SECONDS": "0",  # availability as it is, for the grader
        "USHER_LOG_LEVEL": "WARNING",
    }


@contextlib.asynccontextmanager
async def foreign_stack(
    url: str, key: str, tasks: Sequence[Task], make_agent: MakeAgent, *, seed: int, concurrency: int
) -> AsyncIterator[Bench]:
    """A bench on a running stack, which has the tasks' catalogue since today. Raises NoCatalogue."""
    now = datetime.now(UTC)
    async with Api(url, {"X-API-Key": key}) as api:
        await _check_catalogue(api, shows_of(tasks), now)
        await asyncio.sleep(_CACHE_SECONDS)  # what was read here may be answered again for so long
        yield _bench(api, now, make_agent, seed, concurrency)


class NoCatalogue(Unprocessable):
    """The stack does not have the events of the tasks."""

    code = "no_catalogue"


async def _check_catalogue(api: Api, shows: Sequence[Show], now: datetime) -> None:
    for show in shows:
        try:
            event = await api.event(show.id, "cus_eval")
        except Refused as refusal:
            raise NoCatalogue(f"{show.id}: {refusal.detail}; {_HOW}") from refusal
        if show.hours is None and datetime.fromisoformat(event["starts_at"]) != show.starts(now):
            raise NoCatalogue(f"{show.id} is on another day than the tasks say; {_HOW}")


def _bench(  # noqa: PLR0917  the bench's own fields
    api: Api,
    now: datetime,
    make_agent: MakeAgent,
    seed: int,
    concurrency: int,
    proxy: FaultProxy | None = None,
    reprice: Reprice | None = None,
) -> Bench:
    places = asyncio.Semaphore(concurrency)
    return Bench(api, secrets.token_hex(6), now, make_agent, proxy, reprice, seed=seed, places=places)


async def _net_charges(store: SqliteDocumentStore, customer_id: str) -> int:
    """What the sandbox provider took of the customer and did not give back, in cents."""
    net = 0
    cursor: str | None = None
    while True:
        page = await store.query(Query("sandbox_charges", limit=500, after=cursor))
        for document in page.documents:
            charge = document.data
            if charge["customer_id"] == customer_id and charge["outcome"] == "captured":
                net += charge["amount_minor"] - charge["refunded_minor"]
        cursor = page.next_cursor
        if cursor is None:
            return net
