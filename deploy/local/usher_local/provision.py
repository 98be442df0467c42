"""What an operator does to a stack from the command line: keys, catalogue, documents, events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from usher_gateway.identity.keys import create_key, list_keys, revoke_key
from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_tools.catalogue.model import Catalogue

if TYPE_CHECKING:
    from usher_agent.knowledge.model import BuildReport

SAMPLE = Path(__file__).with_name("knowledge")
"""The sample venues' documents."""

_POLL_SECONDS = 25


async def create_api_key(stack: Stack, name: str, scopes: list[str], per_minute: int | None) -> dict[str, Any]:
    """`{"client_id", "name", "scopes", "api_key"}`. Raises InvalidRequest."""
    store = stack.store("gateway")
    try:
        created = await create_key(store, SystemClock(), name=name, scopes=scopes, requests_per_minute=per_minute)
    finally:
        await store.close()
    key = created.key
    return {"client_id": key.client_id, "name": key.name, "scopes": list(key.scopes), "api_key": created.secret}


async def list_api_keys(stack: Stack) -> list[tuple[str, str, str, str, str]]:
    """(key id, name, scopes, requests a minute, state) of every key."""
    store = stack.store("gateway")
    try:
        keys = await list_keys(store)
    finally:
        await store.close()
    return [
        (
            key.key_id,
            key.name,
            " ".join(key.scopes),
            str(key.requests_per_minute or "default"),
            f"revoked {key.revoked_at:%Y-%m-%d %H:%M}" if key.revoked_at else "active",
        )
        for key in keys
    ]


async def revoke_api_key(stack: Stack, key_id: str) -> None:
    """Raises NotFound."""
    store = stack.store("gateway")
    try:
        await revoke_key(store, SystemClock(), key_id)
    finally:
        await store.close()


def read_catalogue_file(file: Path) -> Catalogue:
    """Raises CatalogueRefused naming line and path of every error."""
    from usher_tools.adapters.catalogue_files import read_catalogue

    return read_catalogue(file)


async def import_catalogue(stack: Stack, catalogue: Catalogue) -> str:
    """Send it to the running box office; what it did, for a person."""
    async with stack.client("cli", "tools", timeout_seconds=120) as tools:
        counts: dict[str, int] = await tools.call(
            "POST", "/catalogue", json=catalogue.model_dump(mode="json", exclude_none=True)
        )
    return ", ".join(f"{count} {what}" for what, count in counts.items() if isinstance(count, int))


async def seed_if_empty(stack: Stack) -> str:
    """Fill an empty box office with the sample catalogue and its venues' documents; "" when it has one already."""
    async with stack.client("cli", "tools") as tools:
        if (await tools.call("GET", "/events"))["events"]:
            return ""
    done = await import_sample(stack)
    if not stack.knowledge.exists():
        built = await build_knowledge(stack, SAMPLE)
        done += f", {built.chunks} passages of knowledge"
    return done


async def import_sample(stack: Stack) -> str:
    """Import the sample catalogue around today; its events of an earlier day move on."""
    from usher_local.seed import HOME_TIME_ZONE, seed_catalogue

    now = datetime.now(ZoneInfo(HOME_TIME_ZONE))
    return await import_catalogue(stack, Catalogue.model_validate(seed_catalogue(now.date(), now.hour)))


async def build_knowledge(
    stack: Stack, folder: Path, report: Callable[[str, str], None] = lambda *_: None
) -> BuildReport:
    """Bring the stack's index in line with the folder; the running agent sees it with its next search.

    Raises as `usher_agent.knowledge.service.build`.
    """
    from usher_agent.adapters.knowledge_indexes import embedded_index
    from usher_agent.knowledge.service import build
    from usher_agent.settings import Settings
    from usher_local.seed import HOME_TIME_ZONE

    settings = Settings()
    zone = settings.home_time_zone if "home_time_zone" in settings.model_fields_set else HOME_TIME_ZONE
    index = embedded_index(stack.knowledge, SystemClock(), settings)
    try:
        return await build(folder, index, zone=ZoneInfo(zone), report=report)
    finally:
        await index.close()


async def tail_events(stack: Stack, *, from_start: bool) -> AsyncIterator[dict[str, Any]]:
    """CloudEvents as the bus receives them, for ever."""
    async with stack.client("cli", "bus") as bus:
        after: int | None = 0 if from_start else None
        while True:
            params = {"wait": _POLL_SECONDS} | ({} if after is None else {"after": after})
            page = await bus.call("GET", "/events", params=params, timeout_seconds=_POLL_SECONDS + 10)
            for entry in page["events"]:
                yield entry["event"]
            after = page["next"]
