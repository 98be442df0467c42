"""`python -m usher_local.rush.on_firestore`: the box office of a rush with its documents on Firestore's emulator."""

from __future__ import annotations

import os

from fastapi import FastAPI

from usher_local.rush.processes import FIRESTORE, PROJECT
from usher_local.serve import serve
from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.documents.firestore import FirestoreDocumentStore
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.app import Deps, create_app
from usher_tools.settings import Settings


def build(stack: Stack) -> FastAPI:
    emulator, project = os.environ[FIRESTORE], os.environ[PROJECT]
    ids = UlidGenerator()
    # the emulator takes seconds for each conflict between processes
    store, provider = (
        FirestoreDocumentStore(project, database, emulator=emulator, patience_seconds=90.0)
        for database in ("usher-tools", "usher-sandbox")
    )
    deps = Deps(
        store=store,
        payments=SandboxPayments(provider, ids),
        bus=stack.bus("tools"),
        verifier=stack.verifier(),
        clock=SystemClock(),
        ids=ids,
    )
    return create_app(Settings(), deps)


if __name__ == "__main__":
    serve("tools", build)
