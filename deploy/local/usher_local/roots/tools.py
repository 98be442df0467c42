"""Composition of the box office in the embedded stack: SQLite documents, sandbox payments or Stripe's."""

from __future__ import annotations

from fastapi import FastAPI

from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.partner_http import partner_of
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.adapters.stripe_notices import notices_of
from usher_tools.adapters.stripe_payments import stripe_of
from usher_tools.app import Deps, create_app
from usher_tools.payments.ports import PaymentProvider
from usher_tools.settings import Settings


def build(stack: Stack) -> FastAPI:
    ids, clock, settings = UlidGenerator(), SystemClock(), Settings()
    if settings.ticket_signing_key is None:
        settings = settings.model_copy(update={"ticket_signing_key": stack.ticket_signing_key()})
    store = stack.store("tools")
    payments: PaymentProvider | None = stripe_of(settings, store, clock)
    if payments is None:
        provider_store = SqliteDocumentStore(stack.data / "sandbox_payments.db")  # not ours: it outlives our mistakes
        payments = SandboxPayments(provider_store, ids)
    deps = Deps(
        store=store,
        payments=payments,
        bus=stack.bus("tools"),
        verifier=stack.verifier(),
        clock=clock,
        ids=ids,
        partner=partner_of(settings),
        notices=notices_of(settings),
    )
    return create_app(settings, deps)
