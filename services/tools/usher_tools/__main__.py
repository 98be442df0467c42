"""The box office on Google Cloud: `python -m usher_tools`."""

from __future__ import annotations

import logging

from fastapi import FastAPI

from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.partner_http import partner_of
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.adapters.stripe_notices import notices_of
from usher_tools.adapters.stripe_payments import stripe_of
from usher_tools.app import Deps, create_app
from usher_tools.payments.ports import PaymentProvider
from usher_tools.settings import Settings

_LOG = logging.getLogger(__name__)


def build(cloud: Cloud) -> FastAPI:
    ids, clock, settings, store = UlidGenerator(), SystemClock(), Settings(), cloud.store("tools")
    payments: PaymentProvider | None = stripe_of(settings, store, clock)
    if payments is None:
        _LOG.warning("no money moves: USHER_TOOLS_STRIPE_SECRET_KEY is not set, payments go to the sandbox")
        payments = SandboxPayments(cloud.store("sandbox"), ids)  # not ours: it outlives our mistakes
    return create_app(
        settings,
        Deps(
            store=store,
            payments=payments,
            bus=cloud.bus(),
            verifier=cloud.verifier,
            clock=clock,
            ids=ids,
            partner=partner_of(settings),
            notices=notices_of(settings),
        ),
    )


if __name__ == "__main__":
    main("tools", build)
