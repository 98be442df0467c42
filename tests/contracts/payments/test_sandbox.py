"""The PaymentProvider contract with the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.payments.suite import Bench, Card, PaymentProviderSuite
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.sandbox_payments import SandboxPayments

_TOKENS: dict[Card, str] = {
    "good": "tok_visa",
    "declined": "tok_declined",
    "lost_authorisation": "tok_timeout",
    "never_authorised": "tok_timeout_before",
    "lost_capture": "tok_capture_timeout",
    "refused_capture": "tok_capture_declined",
    "refused_refund": "tok_refund_refused",
}


class TestSandbox(PaymentProviderSuite):
    @pytest.fixture
    async def bench(self, tmp_path: Path) -> AsyncIterator[Bench]:
        opened: list[SandboxPayments] = []

        def open_one() -> SandboxPayments:
            opened.append(SandboxPayments(SqliteDocumentStore(tmp_path / "provider.db"), UlidGenerator()))
            return opened[-1]

        async def put_on_file(customer_id: str) -> None:
            await open_one().store_method(customer_id, "tok_visa")

        yield Bench(open_one, lambda card: _TOKENS[card], put_on_file)
        for one in opened:
            await one.close()

    async def test_methods_of_customers_without_one_on_file(self, bench: Bench) -> None:
        provider = bench.open()
        for customer, token in {
            "ann": "tok_visa",
            "ann-declined": "tok_declined",
            "ann-timeout": "tok_timeout",
            "ann-timeout-before": "tok_timeout_before",
            "ann-capture-timeout": "tok_capture_timeout",
            "ann-capture-declined": "tok_capture_declined",
            "ann-refund-refused": "tok_refund_refused",
        }.items():
            assert await provider.default_method(customer) == token
