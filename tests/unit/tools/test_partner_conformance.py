"""The conformance suite passes against our own box office, alone and behind another one, and against a stranger's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import secrets
from collections.abc import AsyncIterator, Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import SecretStr
from starlette.applications import Starlette

from box_office import SECRET, open_files, small_catalogue
from conformance_runs import conformance, failures, waiting
from reference_partner import Json, Refused, Venue
from served import Served, free_port
from usher_evals.conformance.__main__ import CHECKS, main
from usher_evals.conformance.openapi import render
from usher_shared.clock import ManualClock
from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, PROTECTED_ACTIONS
from usher_shared.contracts.tools import TOOLS
from usher_shared.contracts.tools.offering import READS
from usher_shared.events import Event
from usher_shared.http.tokens import LocalTokenSource
from usher_tools.adapters.partner_http import HttpPartner

KEY = secrets.token_hex(16)


@contextlib.asynccontextmanager
async def serving(app: Starlette) -> AsyncIterator[str]:
    server = Served(lambda: app, free_port(), lifespan=False)
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()


def skipped(findings: dict[str, Any]) -> dict[str, str]:
    return {name: f.reason for name, f in findings.items() if f.outcome == "skip"}


async def agent_key() -> str:
    return await LocalTokenSource("agent", SECRET).token("tools")


def generous_catalogue() -> dict[str, Any]:
    """The small catalogue, with every kind of policy."""
    catalogue = small_catalogue()
    policies = catalogue["events"][0]["policies"]
    policies |= {"exchange": {"until_hours_before": 2}, "credit": {"until_hours_before": 2, "fees_refundable": True}}
    return catalogue


async def test_our_own_service_keeps_the_contract(tmp_path: Path) -> None:
    async with open_files(tmp_path, catalogue=generous_catalogue()) as office, serving(office.app) as url:
        findings = await conformance(url, await agent_key(), waiting(office.clock))
    assert failures(findings) == []
    assert skipped(findings) == {}


def _told(event: Event) -> str:
    """What an event says, but for the name of the payment and of the refund, which each box office has its own of."""
    kept = {name: value for name, value in event.data.items() if name not in ("payment_id", "refund_id", "client_id")}
    return json.dumps(kept, sort_keys=True)


async def test_so_does_a_service_whose_partner_is_another(tmp_path: Path) -> None:
    clock = ManualClock(datetime(2026, 11, 20, 18, 0, tzinfo=UTC))
    (tmp_path / "behind").mkdir()
    (tmp_path / "front").mkdir()
    catalogue = generous_catalogue()
    async with open_files(tmp_path / "behind", clock=clock, catalogue=catalogue) as behind, serving(behind.app) as url:
        partner = HttpPartner(url, SecretStr(await agent_key()))
        async with open_files(tmp_path / "front", clock=clock, partner=partner) as front, serving(front.app) as shown:
            findings = await conformance(shown, await agent_key(), waiting(clock))
            for type in ("usher.ticket_purchased.v1", "usher.ticket_upgraded.v1", "usher.ticket_refunded.v1"):
                told = [_told(event) for event in await front.published(type)]
                assert told
                assert sorted(told) == sorted(_told(event) for event in await behind.published(type))
    assert failures(findings) == []
    assert skipped(findings) == {}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 20, 18, 0, tzinfo=UTC))


async def test_a_strangers_server_passes(clock: ManualClock) -> None:
    async with serving(Venue(KEY, clock.now).app) as url:
        findings = await conformance(url, KEY, waiting(clock))
    assert failures(findings) == []
    assert set(skipped(findings)) == {"exchange", "credit"}  # which it does not offer


class Oversells(Venue):
    """Held seats are free for others."""

    def taken(self) -> set[str]:
        return {seat for order in self.orders.values() for seat in order["seats"]}


_SEEN: ContextVar[set[str] | None] = ContextVar("_SEEN", default=None)


class LooksThenTakes(Venue):
    """What is free is read, and taken a moment later: right for whoever comes alone."""

    def __init__(self, key: str, now: Callable[[], datetime]) -> None:
        super().__init__(key, now)
        self.fault = self._look

    async def _look(self, tool: str) -> None:
        if tool == "hold_tickets":
            _SEEN.set(super().taken())
            await asyncio.sleep(0.05)  # a slow database

    def taken(self) -> set[str]:
        seen = _SEEN.get()
        return super().taken() if seen is None else seen


class HoldsParts(Venue):
    """A party that comes too late keeps what was still free of its wish."""

    def hold_tickets(self, a: Json, customer: str) -> Json:
        free = [seat for seat in a["seat_ids"] if seat not in self.taken()]
        if free and len(free) < len(a["seat_ids"]):
            super().hold_tickets({**a, "seat_ids": free}, customer)
        return super().hold_tickets(a, customer)


class ForgetsKeys(Venue):
    def replay(self, scope: tuple[str, str, str], a: Json) -> Json | None:
        return None


class IgnoresBodies(Venue):
    """Whatever comes under a key is answered as the first."""

    def replay(self, scope: tuple[str, str, str], a: Json) -> Json | None:
        return self.recorded[scope][1] if scope in self.recorded else None


class NeverExpires(Venue):
    def is_live(self, hold: Json) -> bool:
        return bool(hold["status"] == "held")


class QuotesForEver(Venue):
    def check_confirmation(self, action: str, a: Json, customer: str, yes: Json) -> Json:
        if yes["quote_id"] in self.quotes:
            self.quotes[yes["quote_id"]]["expires"] = self.now() + timedelta(days=1)
        return super().check_confirmation(action, a, customer, yes)


class ChargesAnything(Venue):
    """The agreed total is not looked at."""

    def check_confirmation(self, action: str, a: Json, customer: str, yes: Json) -> Json:
        quote = self.quotes.get(yes["quote_id"], {})
        agreed = {"total_minor": quote.get("total_minor"), "currency": quote.get("currency")}
        return super().check_confirmation(action, a, customer, yes | agreed)


class SellsAgain(Venue):
    """A hold may be bought as often as it is confirmed."""

    def act(self, action: str, a: Json, customer: str, quote: Json) -> Json:
        answer = super().act(action, a, customer, quote)
        if action == "create_order":
            self.holds[a["hold_id"]]["status"] = "held"
        return answer


class RefundsAgain(Venue):
    """Seats that were given back can be given back."""

    def price(self, action: str, a: Json, customer: str) -> Any:
        order = self.orders.get(a.get("order_id", ""), {})
        if action == "refund_order" and order.get("customer") == customer and not order["seats"]:
            return [], [], 0, 0, self.now() + timedelta(minutes=10)
        return super().price(action, a, customer)


class ShowsEverybody(Venue):
    def order(self, id: str, customer: str) -> Json:
        return self.orders[id]


class ScattersSeats(Venue):
    def check_inventory(self, a: Json, customer: str) -> Json:
        seats = self.free()[:: 3 if a["quantity"] > 1 else 1][: a["quantity"]]
        if a.get("section") or a.get("max_price"):
            return super().check_inventory(a, customer)
        return {**super().check_inventory(a, customer), "seats": [self.seat(s) for s in seats], "adjacent": True}


class AddsWrongly(Venue):
    def quote(self, a: Json, customer: str) -> Json:
        return {**super().quote(a, customer), "fees": 1.0}


class ReleasesOnce(Venue):
    def release_hold(self, a: Json, customer: str) -> Json:
        if self.hold(a["hold_id"], customer)["status"] == "released":
            raise Refused(409, "hold_released")
        return super().release_hold(a, customer)


class NamesNoFields(Venue):
    def check_arguments(self, tool: str, a: Any) -> None:
        try:
            super().check_arguments(tool, a)
        except Refused as error:
            raise Refused(error.status, error.code) from error


class TakesAnyArgument(Venue):
    def check_arguments(self, tool: str, a: Any) -> None:
        super().check_arguments(tool, {k: v for k, v in a.items() if k != "colour"} if isinstance(a, dict) else a)


class NeedsNobody(Venue):
    """What has no customer is somebody's all the same."""

    def run(self, tool: str, a: Any, customer: str | None, key: str | None, confirmation: str | None) -> Json:
        return super().run(tool, a, customer or "somebody", key, confirmation)


BROKEN: list[tuple[type[Venue], set[str]]] = [
    (Oversells, {"hold", "hold-race"}),
    (LooksThenTakes, {"hold-race"}),
    (HoldsParts, {"hold-race"}),
    (ForgetsKeys, {"hold-key", "purchase-key", "purchase-body"}),
    (IgnoresBodies, {"hold-key", "purchase-body"}),
    (NeverExpires, {"hold-expiry", "quoted-expiry"}),
    (QuotesForEver, {"quote-expiry"}),
    (ChargesAnything, {"total"}),
    (SellsAgain, {"purchase-quote", "upgrade"}),  # its holds outlive the seats' sale
    (RefundsAgain, {"refund"}),
    (ShowsEverybody, {"strangers"}),
    (ScattersSeats, {"inventory"}),
    (AddsWrongly, {"quote"}),
    (ReleasesOnce, {"release"}),
    (NamesNoFields, {"bad-arguments"}),
    (TakesAnyArgument, {"unknown-fields"}),
    (NeedsNobody, {"customer"}),
]


@pytest.mark.parametrize(("broken", "expected"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
async def test_a_broken_server_fails_what_it_breaks(
    clock: ManualClock, broken: type[Venue], expected: set[str]
) -> None:
    async with serving(broken(KEY, clock.now).app) as url:
        findings = await conformance(url, KEY, waiting(clock))
    found = {name for name, finding in findings.items() if finding.outcome == "fail"}
    assert found == expected, "\n".join(failures(findings))


async def test_the_command(clock: ManualClock, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(*arguments: str) -> tuple[int, str]:
        code = await asyncio.to_thread(main, ["--key-env", "VENUE_KEY", *arguments])
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    quick = ["--only", "health", "key", "quote", "quote-expiry"]
    assert (await run("--url", "http://127.0.0.1:1"))[0] == 2  # the key is missing
    monkeypatch.setenv("VENUE_KEY", KEY)
    assert (await run("--url", "127.0.0.1:1"))[0] == 2
    assert (await run("--url", "http://127.0.0.1:1", "--only", "nothing"))[0] == 2
    code, gone = await run("--url", "http://127.0.0.1:1", "--only", "health")
    assert code == 1
    assert "expected: an answer" in gone
    async with serving(Venue(KEY, clock.now).app) as url:
        code, good = await run("--url", url, *quick)
        assert code == 0, good
        assert good.splitlines()[-1] == "3 passed, 0 failed, 1 skipped"
        assert "needs --patience" in good
    async with serving(AddsWrongly(KEY, clock.now).app) as url:
        code, told = await run("--url", url, *quick)
        assert code == 1
        assert "contract: docs/guides/box-office-partner.md, Quotes" in told
        shown = json.loads((await run("--url", url, *quick, "--json"))[1])
    assert (shown["pass"], shown["fail"], shown["skip"]) == (2, 1, 1)
    (wrong,) = [check for check in shown["checks"] if check["outcome"] == "fail"]
    assert (wrong["name"], wrong["expected"]) == ("quote", "total = subtotal + fees + taxes - credit")
    assert KEY not in gone + good + told


def test_every_check_names_a_section_of_the_guide() -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/box-office-partner.md").read_text("utf-8")
    headings = {line.lstrip("# ").strip() for line in guide.splitlines() if line.startswith("#")}
    assert {check.section for check in CHECKS} <= headings
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_the_openapi_document_is_current_and_whole() -> None:
    path = Path(__file__).parents[3] / "docs/guides/box-office-partner.openapi.json"
    text = path.read_text("utf-8")
    assert text == render(), f"run python -m usher_evals.conformance.openapi docs/guides/{path.name}"
    document = json.loads(text)
    schemas = document["components"]["schemas"]
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named <= set(schemas)
    assert {f"/tools/{name}" for name in TOOLS} == set(document["paths"]) - {"/health"}
    reads = {name for name in TOOLS if "Idempotency-Key" not in text_of(document, name)}
    assert reads == READS
    assert {name for name in TOOLS if CONFIRMATION_HEADER in text_of(document, name)} == PROTECTED_ACTIONS


def text_of(document: dict[str, Any], tool: str) -> str:
    return json.dumps(document["paths"][f"/tools/{tool}"]["post"]["parameters"])
