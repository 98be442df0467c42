"""A release on the way through the whole stack: published, announced, shared out, killed, rolled back."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from customer import Customer
from stack_process import RunningStack, Target
from usher_local.public_api import PublicApi
from usher_shared.events.catalogue import ModelReleased
from usher_shared.events.envelope import event

MODEL = "usher-playbook"


@pytest.fixture
def running(target: Target) -> RunningStack:
    if target.running is None:
        pytest.skip("it needs a stack of its own")
    return target.running


def usher_model(running: RunningStack, *arguments: str) -> str:
    """The command's output. Its failure is the test's."""
    command = [str(Path(sys.executable).with_name("usher")), "model", *arguments]
    environment = os.environ | {"USHER_HOME": str(running.stack.home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


async def announce(running: RunningStack, version: str, percent: int) -> None:
    data = ModelReleased(version=version, traffic_percent=percent, metadata_uri=f"releases/{version}")
    bus = running.stack.bus("trainer-job")
    announced = event(
        id=f"evt-{version}-{percent}",
        type="usher.model_released.v1",
        source="usher/trainer-job",
        time=datetime.now(UTC),
        data=data,
        ordering_key=MODEL,
    )
    await bus.publish([announced])
    await bus.close()
    await asyncio.to_thread(running.wait_drained)


async def turn_events(running: RunningStack, conversations: set[str]) -> dict[str, tuple[str, str]]:
    """Version and variant of each conversation's first turn, as the agent announced them."""
    found: dict[str, tuple[str, str]] = {}
    async with running.stack.client("cli", "bus") as bus:
        after = 0
        while conversations - found.keys():
            page = await bus.call("GET", "/events", params={"wait": 5, "after": after}, timeout_seconds=20)
            assert page["events"], f"no event of {conversations - found.keys()}"
            for entry in page["events"]:
                data = entry["event"]["data"]
                # the stack is shared: others' turns may have asked no model at all
                is_ours = data.get("conversation_id") in conversations
                if entry["event"]["type"] == "usher.chat_turn_completed.v1" and is_ours and data["turn"] == 1:
                    found[data["conversation_id"]] = (data["model_version"], data["variant"])
            after = page["next"]
    return found


async def test_a_release_on_its_way(running: RunningStack, api: PublicApi, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("the playbook needs no files")

    def publish(version: str) -> None:
        usher_model(running, "publish", str(tmp_path), "--model", MODEL, "--engine", "playbook", "--version", version)

    async def say(customer: Customer, text: str) -> tuple[str, str, str]:
        reply: dict[str, Any] = await customer.say(text)
        return reply["conversation_id"], reply["model"]["version"], reply["model"]["variant"]

    await asyncio.to_thread(publish, "way-1")
    await asyncio.to_thread(usher_model, running, "reload", "way-1")
    assert (await say(Customer(api), "hello"))[1:] == ("way-1", "default")

    await asyncio.to_thread(publish, "way-2")
    await announce(running, "way-2", 50)
    customers = [Customer(api) for _ in range(14)]
    first = [await say(customer, f"hello, I am number {n}") for n, customer in enumerate(customers)]
    assert {each[1:] for each in first} == {("way-1", "stable"), ("way-2", "canary")}
    assert await turn_events(running, {each[0] for each in first}) == {each[0]: each[1:] for each in first}

    pid = running.kill("inference")
    await asyncio.to_thread(running.wait_restarted, "inference", pid)
    second = [await say(customer, "what is on tonight?") for customer in customers]
    assert second == first  # each conversation is where it was

    swap = json.loads(await asyncio.to_thread(usher_model, running, "rollback", "--json"))
    assert (swap["version"], swap["canary"]) == ("way-1", None)
    assert {(await say(customer, "and tomorrow?"))[1:] for customer in customers} == {("way-1", "default")}
    listed = await asyncio.to_thread(usher_model, running, "list")
    assert "rejected" in next(line for line in listed.splitlines() if "way-2" in line)
