"""Stripe's stand-in, and the library without its pauses."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import stripe

from contracts.payments.stripe_stand_in import StripeStandIn


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's pause before a retry."""
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    monkeypatch.setattr(stripe.HTTPClient, "MAX_DELAY", 0.001)


@pytest.fixture
async def server(at_once: None) -> AsyncIterator[StripeStandIn]:
    stand_in = StripeStandIn(methods={"pm_visa": None, "pm_declined": None, "pm_authentication": None})
    runner = await stand_in.open()
    yield stand_in
    if stand_in.gate is not None:
        stand_in.gate.set()
    await runner.cleanup()
