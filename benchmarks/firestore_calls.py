"""Documents that each call of the box office reads and writes on Firestore, and what a thousand orders cost.

    python benchmarks/firestore_calls.py [--emulator host:port] [--read 0.03 --write 0.09 --delete 0.01]

One customer at a time at an arena of 350 rows, first with nothing taken, then with something taken in every row,
which is when a look reads most. Counted are the documents that Firestore bills, after the outbox has been emptied;
the payment sandbox's are not the box office's and are left out, as are the agent's and the gateway's. Deletes by the
time to live come later and cost as others do: they are counted for what the call left behind. The median of several
customers is shown.

Prices are dollars per 100,000 documents: Google's list price of Standard edition in one region of the United States
(Oregon, us-west1: 0.03, 0.09, 0.01; the multi-region nam5 costs twice that), https://firebase.google.com/docs/firestore/pricing
as copied by a public archive and read on 21 November 2026. Storage, index entries and traffic are not in it, nor the
free quota of a project's one free database.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import secrets
import statistics
import sys
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from box_office import SECRET, NoBus
from usher_local.seed import seed_catalogue
from usher_shared.clock import SystemClock
from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation, fingerprint
from usher_shared.contracts.identity import Principal
from usher_shared.documents import Query
from usher_shared.documents.collections import load_collections
from usher_shared.documents.firestore import FirestoreDocumentStore
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.app import Deps, create_app
from usher_tools.settings import Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from emulators.google import firestore_emulator

VENUE = "lakefront-arena"
LOOKS = (1, 10, 100)
SALE = ("hold_tickets", "quote create_order", "create_order")


@dataclass(frozen=True, slots=True)
class Documents:
    """`expiring` of the written ones carry a time to live: each is one delete later."""

    reads: float
    writes: float
    deletes: float
    expiring: float = 0.0

    def __add__(self, other: Documents) -> Documents:
        return Documents(
            self.reads + other.reads,
            self.writes + other.writes,
            self.deletes + other.deletes,
            self.expiring + other.expiring,
        )

    def times(self, factor: float) -> Documents:
        return Documents(self.reads * factor, self.writes * factor, self.deletes * factor, self.expiring * factor)


@dataclass(frozen=True, slots=True)
class Prices:
    """Dollars per 100,000 documents."""

    read: float
    write: float
    delete: float

    def cost(self, used: Documents) -> float:
        deletes = used.deletes + used.expiring
        return (used.reads * self.read + used.writes * self.write + deletes * self.delete) / 100_000


class Counter:
    """Calls tools as the agent does and keeps what each read and wrote."""

    def __init__(self, http: httpx2.AsyncClient, token: str, store: FirestoreDocumentStore, app: Any) -> None:
        self._http, self._token, self._store, self._app = http, token, store, app
        self._quiet = [name for name, c in load_collections().items() if c.ttl_field and "tools" in c.databases]
        self.counted: defaultdict[str, list[Documents]] = defaultdict(list)

    async def _left(self) -> int:
        """Documents with a time to live; looking at them is not counted."""
        pages = [await self._store.query(Query(name, limit=1000)) for name in self._quiet]
        return sum(len(page.documents) for page in pages)

    async def call(self, name: str, body: dict[str, Any], customer: str, label: str = "", **more: str) -> Any:
        left, usage = await self._left(), self._store.usage
        before = usage.reads, usage.writes, usage.deletes
        headers = {
            "Authorization": f"Bearer {self._token}",
            **Principal(client_id="bench", customer_id=customer).headers(),
        }
        response = await self._http.post(f"/tools/{name}", json=body, headers={**headers, **more})
        if response.status_code != 200:
            raise SystemExit(f"{name}: {response.text}")
        await self._app.state.office.outbox.publish_pending()
        reads, writes, deletes = (
            now - then for now, then in zip((usage.reads, usage.writes, usage.deletes), before, strict=True)
        )
        # emptying the outbox asks once more than there is anything: a sweep's read, told apart below
        expiring = await self._left() - left
        self.counted[label or name].append(Documents(reads - 1, writes, deletes, expiring))
        return response.json()

    async def act(self, action: str, arguments: dict[str, Any], customer: str) -> Any:
        """Quote it, then do it with the customer's yes."""
        wanted = {"action": action, "arguments": arguments}
        quote = await self.call("quote", wanted, customer, f"quote {action}")
        yes = Confirmation(
            id=f"CONF-{secrets.token_hex(8)}",
            quote_id=quote["quote_id"],
            action=quote["action"],
            fingerprint=fingerprint(action, quote["arguments"]),
            total_minor=quote["total_minor"],
            currency=quote["currency"],
            customer_id=customer,
            confirmed_at=datetime.now(UTC),
            evidence="endpoint",
        )
        headers = {CONFIRMATION_HEADER: yes.to_header(), "Idempotency-Key": yes.id}
        return await self.call(action, quote["arguments"], customer, **headers)

    async def visit(self, event_id: str, section: str, customer: str) -> None:
        """One customer who uses everything: two seats bought, upgraded, one refunded."""
        look = {"event_id": event_id, "quantity": 2}
        await self.call("search_events", {"city": "Chicago"}, customer)
        await self.call("get_event_info", {"event_id": event_id}, customer)
        await self.call("check_inventory", look, customer, "check_inventory, all sections")
        shown = await self.call(
            "check_inventory", {**look, "section": section}, customer, "check_inventory, one section"
        )
        seats = {"event_id": event_id, "seat_ids": [seat["id"] for seat in shown["seats"]]}
        held = await self.call("hold_tickets", seats, customer)
        await self.call("release_hold", {"hold_id": held["hold_id"]}, customer)
        held = await self.call("hold_tickets", seats, customer, "hold_tickets, again")
        order = await self.act("create_order", {"hold_id": held["hold_id"]}, customer)
        await self.call("get_order", {"order_id": order["order_id"]}, customer)
        await self.call("list_orders", {"customer_id": customer}, customer)
        moved = await self.act("upgrade_tickets", {"order_id": order["order_id"]}, customer)
        last = {"order_id": order["order_id"], "seat_ids": [moved["seats"][0]["id"]]}
        await self.act("refund_order", last, customer)


def _median(samples: list[Documents]) -> Documents:
    fields = ("reads", "writes", "deletes", "expiring")
    return Documents(*(statistics.median(getattr(sample, name) for sample in samples) for name in fields))


async def measure(emulator: str, prices: Prices, visits: int) -> None:
    project, ids = f"p-{secrets.token_hex(6)}", UlidGenerator()
    store = FirestoreDocumentStore(project, "usher-tools", emulator=emulator)
    payments = SandboxPayments(FirestoreDocumentStore(project, "usher-sandbox", emulator=emulator), ids)
    # its own rounds would be counted with the calls
    settings = Settings(reconcile_seconds=3600)
    app = create_app(settings, Deps(store, payments, NoBus(), LocalTokenVerifier(SECRET), SystemClock(), ids))
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://tools", timeout=None)
    async with app.router.lifespan_context(app), client as http:
        cli = {"Authorization": f"Bearer {await LocalTokenSource('cli', SECRET).token('tools')}"}
        catalogue = seed_catalogue(datetime.now(UTC).date())
        imported = await http.post("/catalogue", json=catalogue, headers=cli)
        assert imported.status_code == 200, imported.text
        await app.state.office.outbox.stop()  # nothing runs beside the calls
        event = [e for e in catalogue["events"] if e["venue"] == VENUE and "upgrade" in e.get("policies", {})][-1]
        rows = [
            (section["id"], name)
            for section in next(v for v in catalogue["venues"] if v["id"] == VENUE)["sections"]
            if section["id"] in event["prices"]
            for name in _names(section["rows"])
        ]
        cheap = min(event["prices"], key=event["prices"].__getitem__)
        token = await LocalTokenSource("agent", SECRET).token("tools")
        for label in ("nothing taken", f"something taken in each of {len(rows)} rows"):
            counter = Counter(http, token, store, app)
            for number in range(visits + 1):
                if number == 1:
                    counter.counted.clear()  # the first fills caches
                await counter.visit(event["id"], cheap, f"{label[:7]}-{number}".replace(" ", ""))
            _report(label, {name: _median(samples) for name, samples in counter.counted.items()}, prices)
            if label == "nothing taken":
                await _take_one_in_each(http, token, event["id"], rows)


def _names(rows: list[dict[str, Any]]) -> list[str]:
    from usher_tools.catalogue.model import RowsEntry

    return [name for entry in rows for name in RowsEntry.model_validate(entry).row_names()]


async def _take_one_in_each(http: httpx2.AsyncClient, token: str, event_id: str, rows: list[tuple[str, str]]) -> None:
    numbers = itertools.count()
    for start in range(0, len(rows), 12):  # the cap of a hold
        named = Principal(client_id="bench", customer_id=f"holder-{next(numbers)}").headers()
        seats = [f"{section}-{row}-3" for section, row in rows[start : start + 12]]
        body = {"event_id": event_id, "seat_ids": seats, "expires_in_seconds": 900}
        headers = {"Authorization": f"Bearer {token}", **named}
        held = await http.post("/tools/hold_tickets", json=body, headers=headers)
        assert held.status_code == 200, held.text


def _report(label: str, found: dict[str, Documents], prices: Prices) -> None:
    print(f"\n{label}\n  {'call':32} reads writes deletes expiring  $ per 1,000 calls")
    for name, used in found.items():
        figures = f"{used.reads:5.0f} {used.writes:6.0f} {used.deletes:7.0f} {used.expiring:8.0f}"
        print(f"  {name:32} {figures}  {1000 * prices.cost(used):17.4f}")
    sale = sum((found[name] for name in SALE), Documents(0, 0, 0))
    for look in ("check_inventory, one section", "check_inventory, all sections"):
        costs = {n: 1000 * prices.cost(sale + found[look].times(n)) for n in LOOKS}
        told = ", ".join(f"${cost:.3f} at {n} look{'s' * (n > 1)} an order" for n, cost in costs.items())
        print(f"  a thousand orders, {look}: {told}")
    alone = prices.cost(sale)
    print(f"  of which the sale alone ${1000 * alone:.3f}: ten looks at all sections cost", end=" ")
    print(f"{prices.cost(found['check_inventory, all sections'].times(10)) / alone:.1f} x that")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emulator", help="host:port of a running Firestore emulator")
    parser.add_argument("--visits", type=int, default=5, help="customers counted")
    parser.add_argument("--read", type=float, default=0.03)
    parser.add_argument("--write", type=float, default=0.09)
    parser.add_argument("--delete", type=float, default=0.01)
    options = parser.parse_args()
    running = contextlib.nullcontext(options.emulator) if options.emulator else firestore_emulator()
    with running as emulator:
        asyncio.run(measure(emulator, Prices(options.read, options.write, options.delete), options.visits))


if __name__ == "__main__":
    main()
