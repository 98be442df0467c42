"""The operator's program, on the official Firestore emulator."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from emulators.google import firestore_emulator
from usher_agent.conversations.model import new_conversation
from usher_gateway.identity.keys import KeyRing
from usher_local.seed import seed_catalogue
from usher_shared.clock import SystemClock
from usher_shared.documents import Query
from usher_shared.documents.firestore import FirestoreDocumentStore
from usher_shared.errors import Unauthenticated

ROOT = Path(__file__).resolve().parents[2]
Operate = Callable[..., Any]


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    with firestore_emulator() as address:
        yield address


@pytest.fixture
def project() -> str:
    return f"p-{secrets.token_hex(6)}"


@pytest.fixture
def operate(emulator: str, project: str) -> Operate:
    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, ROOT / "deploy/gcp/operate.py", "--project", project, *arguments],
            env={**os.environ, "FIRESTORE_EMULATOR_HOST": emulator},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


async def test_a_key_works_at_the_gateway_until_it_is_revoked(operate: Operate, emulator: str, project: str) -> None:
    created = operate("keys", "create", "our website", "--scope", "chat", "--scope", "orders", "--per-minute", "600")
    store = FirestoreDocumentStore(project, "usher-gateway", emulator=emulator)
    ring = KeyRing(store, SystemClock(), cache_seconds=0)
    assert (await ring.recognise(created["api_key"])).scopes == ("chat", "orders")
    (listed,) = operate("keys", "list")
    assert created["api_key"] not in json.dumps(listed)
    operate("keys", "revoke", listed["key_id"])
    with pytest.raises(Unauthenticated):
        await ring.recognise(created["api_key"])
    await store.close()


async def test_a_catalogue_comes_to_the_box_office(
    operate: Operate, emulator: str, project: str, tmp_path: Path
) -> None:
    whole = seed_catalogue(SystemClock().now().date())
    venue = min(whole["venues"], key=lambda one: len(json.dumps(one)))
    events = [event for event in whole["events"] if event["venue"] == venue["id"]][:2]
    file = tmp_path / "season.json"
    file.write_text(json.dumps({"venues": [venue], "events": events}))
    assert operate("catalogue", "import", str(file))["events"] == len(events)
    store = FirestoreDocumentStore(project, "usher-tools", emulator=emulator)
    page = await store.query(Query("ticketed_events", order_by="starts_at"))
    assert {document.id for document in page.documents} == {event["id"] for event in events}
    await store.close()


async def test_an_event_is_cancelled_for_the_box_office_to_refund(
    operate: Operate, emulator: str, project: str, tmp_path: Path
) -> None:
    whole = seed_catalogue(SystemClock().now().date())
    event = whole["events"][0]
    venue = next(one for one in whole["venues"] if one["id"] == event["venue"])
    file = tmp_path / "one.json"
    file.write_text(json.dumps({"venues": [venue], "events": [event]}))
    operate("catalogue", "import", str(file))
    cancelled = operate("events", "cancel", event["id"], "--reason", "The hall is flooded.")
    assert (cancelled["status"], cancelled["reason"]) == ("running", "The hall is flooded.")
    assert operate("events", "cancellation", event["id"]) == cancelled
    store = FirestoreDocumentStore(project, "usher-tools", emulator=emulator)
    stored = await store.get("ticketed_events", event["id"])
    assert stored is not None
    assert stored["status"] == "cancelled"
    await store.close()


async def test_support_tickets_are_decided(
    operate: Operate, emulator: str, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FirestoreDocumentStore(project, "usher-tools", emulator=emulator)
    asked = {"subject": "Refund outside the policy", "details": "too late", "customer_id": "ann", "status": "open"}
    moment = "2026-11-20T18:00:00.000000Z"
    ticket = {**asked, "order_id": "ORD_1", "action": "refund_order", "created_at": moment}
    await store.set("support_tickets", "SUP_1", ticket)
    (listed,) = operate("support", "list")["tickets"]
    assert (listed["ticket_id"], listed["action"]) == ("SUP_1", "refund_order")
    monkeypatch.setenv("USHER_TOOLS_WAIVER_DAYS", "2")
    before = SystemClock().now()
    decided = operate("support", "approve", "SUP_1", "--by", "olga", "--note", "a funeral")
    assert (decided["status"], decided["decided_by"], decided["note"]) == ("approved", "olga", "a funeral")
    waiver = await store.get("policy_waivers", "ORD_1:refund_order")
    assert waiver is not None
    assert (waiver["status"], waiver["ticket_id"]) == ("approved", "SUP_1")
    good_for = datetime.fromisoformat(waiver["expires_at"]) - before
    assert timedelta(days=2) <= good_for < timedelta(days=3)
    assert operate("support", "list")["tickets"] == []
    await store.close()


async def test_a_ticket_is_shown_with_its_conversation(operate: Operate, emulator: str, project: str) -> None:
    moment = "2026-11-20T18:00:00.000000Z"
    ticket = {"subject": "A person", "details": "asks", "customer_id": "ann", "status": "open", "created_at": moment}
    tools = FirestoreDocumentStore(project, "usher-tools", emulator=emulator)
    await tools.set("support_tickets", "SUP_7", {**ticket, "conversation_id": "c7"})
    await tools.set("support_tickets", "SUP_8", {**ticket, "conversation_id": "c7"})
    agent = FirestoreDocumentStore(project, "usher-agent", emulator=emulator)
    conversation = new_conversation("c7", "ann", "web", SystemClock().now())
    conversation.remember_ticket("SUP_7", "asked", moment)
    await agent.set("agent_conversations", "c7", conversation.to_document())
    said = {"user": {"text": "a person please"}, "assistant": {"text": "Of course."}, "agent": "support"}
    await agent.set("agent_turns", "c7:000001", {"conversation_id": "c7", "number": 1, **said})
    shown = operate("support", "show", "SUP_7")
    assert shown["ticket"]["subject"] == "A person"
    assert [(line["speaker"], line["text"]) for line in shown["transcript"]["lines"]] == [
        ("customer", "a person please"),
        ("support", "Of course."),
    ]
    assert operate("support", "show", "SUP_8")["transcript"] is None  # not noted with that conversation
    await tools.close()
    await agent.close()


@pytest.mark.parametrize("days", ["0", "366", "nan", "a week"])
def test_an_exception_lasts_as_long_as_the_box_office_allows(days: str) -> None:
    words = ("support", "approve", "SUP_1", "--by", "olga", "--note", "why", "--waiver-days", days)
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/gcp/operate.py", "--project", "none", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "argument --waiver-days: Input should be" in done.stderr) == (2, True), done.stderr
