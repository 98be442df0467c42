"""Composition of the box office in the embedded stack: SQLite documents, sandbox payments."""

from __future__ import annotations

from fastapi import FastAPI

from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.partner_http import partner_of
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.app import Deps, create_app
from usher_tools.settings import Settings


def build(stack: Stack) -> FastAPI:
    ids, settings = UlidGenerator(), Settings()
    if settings.ticket_signing_key is None:
        settings = settings.model_copy(update={"ticket_signing_key": stack.ticket_signing_key()})
    provider_store = SqliteDocumentStore(stack.data / "sandbox_payments.db")  # not ours: it outlives our mistakes
    deps = Deps(
        store=stack.store("tools"),
        payments=SandboxPayments(provider_store, ids),
        bus=stack.bus("tools"),
        verifier=stack.verifier(),
        clock=SystemClock(),
        ids=ids,
        partner=partner_of(settings),
    )
    return create_app(settings, deps)
