"""What an operator does to Usher on Google Cloud: API keys and the catalogue, straight in the services' databases.

    gcloud auth application-default login --impersonate-service-account usher-operator@PROJECT.iam.gserviceaccount.com
    python deploy/gcp/operate.py --project PROJECT keys create "our website" --scope chat --scope orders
    python deploy/gcp/operate.py --project PROJECT catalogue import season.yaml

Needs `pip install ./shared[service,firestore] ./services/gateway ./services/tools`, or a developer's `make install`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from usher_gateway.identity.keys import create_key, list_keys, revoke_key
from usher_shared.clock import SystemClock
from usher_shared.documents import DocumentStore
from usher_shared.documents.firestore import FirestoreDocumentStore
from usher_shared.errors import UsherError
from usher_tools.adapters.catalogue_files import read_catalogue
from usher_tools.catalogue.service import import_catalogue

Act = Callable[[DocumentStore, argparse.Namespace], Awaitable[Any]]


async def _create(store: DocumentStore, given: argparse.Namespace) -> dict[str, Any]:
    created = await create_key(
        store, SystemClock(), name=given.name, scopes=given.scope, requests_per_minute=given.per_minute
    )
    key = created.key
    return {"client_id": key.client_id, "name": key.name, "scopes": list(key.scopes), "api_key": created.secret}


async def _list(store: DocumentStore, given: argparse.Namespace) -> list[dict[str, Any]]:
    return [
        {
            "key_id": key.key_id,
            "name": key.name,
            "scopes": list(key.scopes),
            "requests_per_minute": key.requests_per_minute,
            "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
        }
        for key in await list_keys(store)
    ]


async def _revoke(store: DocumentStore, given: argparse.Namespace) -> dict[str, Any]:
    key = await revoke_key(store, SystemClock(), given.key_id)
    return {"key_id": key.key_id, "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None}


async def _import(store: DocumentStore, given: argparse.Namespace) -> dict[str, int]:
    counts = await import_catalogue(read_catalogue(given.file), store, SystemClock())
    return counts.model_dump()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Administer Usher on Google Cloud.")
    parser.add_argument("--project", required=True, help="the Google Cloud project")
    rooms = parser.add_subparsers(required=True)

    keys = rooms.add_parser("keys", help="API keys of client applications").add_subparsers(required=True)
    create = keys.add_parser("create", help="make one; it is shown once")
    create.add_argument("name")
    create.add_argument("--scope", action="append", required=True, help="chat, orders, act_as_customer, webhooks, ...")
    create.add_argument("--per-minute", type=int, help="requests a minute; default: the gateway's own limit")
    create.set_defaults(act=_create, service="gateway")
    keys.add_parser("list", help="all, without their secrets").set_defaults(act=_list, service="gateway")
    revoke = keys.add_parser("revoke", help="refuse one from now on; gateways notice within seconds")
    revoke.add_argument("key_id")
    revoke.set_defaults(act=_revoke, service="gateway")

    catalogue = rooms.add_parser("catalogue", help="venues and events").add_subparsers(required=True)
    load = catalogue.add_parser("import", help="add or change; docs/guides/catalogue.md has the format")
    load.add_argument("file", type=Path)
    load.set_defaults(act=_import, service="tools")
    return parser


async def _run(given: argparse.Namespace) -> Any:
    emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")  # as Google's own clients do
    store = FirestoreDocumentStore(given.project, f"usher-{given.service}", emulator=emulator)
    try:
        return await given.act(store, given)
    finally:
        await store.close()


def main() -> None:
    given = _parser().parse_args()
    try:
        answer = asyncio.run(_run(given))
    except (UsherError, OSError) as error:
        raise SystemExit(str(error)) from error
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")


if __name__ == "__main__":
    main()
