"""`python -m usher_compose.keys NAME --scope SCOPE ...`, in the gateway's container: an API key, printed once."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from usher_compose.stack import connect
from usher_gateway.identity.keys import create_key
from usher_shared.clock import SystemClock
from usher_shared.cloud import CloudSettings
from usher_shared.errors import UsherError


async def _create(name: str, scopes: list[str], per_minute: int | None) -> str:
    store = connect(CloudSettings(), "cli").store("gateway")
    try:
        created = await create_key(store, SystemClock(), name=name, scopes=scopes, requests_per_minute=per_minute)
    finally:
        await store.close()
    key = created.key
    return json.dumps(
        {"client_id": key.client_id, "name": key.name, "scopes": list(key.scopes), "api_key": created.secret}
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m usher_compose.keys", description="Make an API key.")
    parser.add_argument("name")
    parser.add_argument("--scope", action="append", default=[], help="chat, orders, act_as_customer, webhooks, ...")
    parser.add_argument("--per-minute", type=int, help="requests a minute; default: the gateway's own limit")
    given = parser.parse_args()
    try:
        sys.stdout.write(asyncio.run(_create(given.name, given.scope, given.per_minute)) + "\n")
    except UsherError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
