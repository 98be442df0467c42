"""Sales on one event through the box office on Firestore: time, conflicts, and documents read and written per order.

    python benchmarks/firestore_sales.py [--sales 200] [--emulator host:port]

All customers come at once; each asks for two seats, holds, quotes and buys. The app is called without a network, the
emulator over gRPC. Without --emulator, the one of the installed Google Cloud CLI is started.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import secrets
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from box_office import SECRET, NoBus
from usher_local.seed import seed_catalogue
from usher_shared.clock import SystemClock
from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation, fingerprint
from usher_shared.contracts.identity import Principal
from usher_shared.documents.firestore import FirestoreDocumentStore
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.app import Deps, create_app
from usher_tools.settings import Settings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from emulators.google import firestore_emulator

EVENT = "solar-parade"


class Customers:
    def __init__(self, http: httpx2.AsyncClient, token: str) -> None:
        self._http = http
        self._token = token
        self.refusals: Counter[str] = Counter()

    async def _tool(self, name: str, body: dict[str, Any], customer: str, **more: str) -> dict[str, Any] | None:
        """The answer; None if refused."""
        named = Principal(client_id="bench", customer_id=customer).headers()
        headers = {"Authorization": f"Bearer {self._token}", **named, **more}
        response = await self._http.post(f"/tools/{name}", json=body, headers=headers)
        answer: dict[str, Any] = response.json()
        if response.status_code != 200:
            self.refusals[f"{name}: {answer['code']}"] += 1
            return None
        return answer

    async def buy(self, customer: str) -> bool:
        hold = None
        for _ in range(5):  # others may be faster
            shown = await self._tool("check_inventory", {"event_id": EVENT, "quantity": 2}, customer)
            seats = [seat["id"] for seat in shown["seats"]] if shown else []
            hold = await self._tool("hold_tickets", {"event_id": EVENT, "seat_ids": seats}, customer) if seats else None
            if hold:
                break
        wanted = {"action": "create_order", "arguments": {"hold_id": hold["hold_id"]}} if hold else None
        quote = await self._tool("quote", wanted, customer) if wanted else None
        if quote is None:
            return False
        yes = Confirmation(
            id=f"CONF-{secrets.token_hex(8)}",
            quote_id=quote["quote_id"],
            action="create_order",
            fingerprint=fingerprint("create_order", quote["arguments"]),
            total_minor=quote["total_minor"],
            currency=quote["currency"],
            customer_id=customer,
            confirmed_at=datetime.now(UTC),
            evidence="endpoint",
        )
        headers = {CONFIRMATION_HEADER: yes.to_header(), "Idempotency-Key": yes.id}
        return await self._tool("create_order", quote["arguments"], customer, **headers) is not None


async def measure(emulator: str, sales: int) -> None:
    project, ids = f"p-{secrets.token_hex(6)}", UlidGenerator()
    store = FirestoreDocumentStore(project, "usher-tools", emulator=emulator)
    payments = SandboxPayments(FirestoreDocumentStore(project, "usher-sandbox", emulator=emulator), ids)
    app = create_app(Settings(), Deps(store, payments, NoBus(), LocalTokenVerifier(SECRET), SystemClock(), ids))
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://tools", timeout=None)
    async with app.router.lifespan_context(app), client as http:
        cli = await LocalTokenSource("cli", SECRET).token("tools")
        catalogue = seed_catalogue(datetime.now(UTC).date())
        imported = await http.post("/catalogue", json=catalogue, headers={"Authorization": f"Bearer {cli}"})
        assert imported.status_code == 200, imported.text
        customers = Customers(http, await LocalTokenSource("agent", SECRET).token("tools"))
        for count in (1, sales):  # the first fills caches
            before, start = dataclasses.asdict(store.usage), time.perf_counter()
            bought = sum(await asyncio.gather(*(customers.buy(f"c{count}-{n}") for n in range(count))))
            seconds = time.perf_counter() - start
            await app.state.office.outbox.publish_pending()
            used = {kind: after - before[kind] for kind, after in dataclasses.asdict(store.usage).items()}
            print(f"{bought} of {count} bought in {seconds:.1f} s; refused: {dict(customers.refusals) or 'nothing'}")
            print(
                "  per sale: "
                + ", ".join(f"{used[kind] / count:.1f} {kind}" for kind in ("reads", "writes", "deletes"))
            )
            print(f"  conflicts at the server {used['conflicts']}, deadlocks avoided {used['deadlocks']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--sales", type=int, default=200)
    parser.add_argument("--emulator", help="host:port of a running Firestore emulator")
    options = parser.parse_args()
    running = contextlib.nullcontext(options.emulator) if options.emulator else firestore_emulator()
    with running as emulator:
        asyncio.run(measure(emulator, options.sales))


if __name__ == "__main__":
    main()
