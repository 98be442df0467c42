"""The box office on Google Cloud: `python -m usher_tools`."""

from __future__ import annotations

from fastapi import FastAPI

from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.partner_http import partner_of
from usher_tools.adapters.sandbox_payments import SandboxPayments
from usher_tools.app import Deps, create_app
from usher_tools.settings import Settings


def build(cloud: Cloud) -> FastAPI:
    ids, settings = UlidGenerator(), Settings()
    return create_app(
        settings,
        Deps(
            store=cloud.store("tools"),
            payments=SandboxPayments(cloud.store("sandbox"), ids),  # not ours: it outlives our mistakes
            bus=cloud.bus(),
            verifier=cloud.verifier,
            clock=SystemClock(),
            ids=ids,
            partner=partner_of(settings),
        ),
    )


if __name__ == "__main__":
    main("tools", build)
