"""Conversations of openai's client, LangChain's and curl: recorded ones replayed, and live ones held again.

USHER_RECORD=1 writes the recordings anew.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from tests.unit.inference import clients_talking
from tests.unit.inference.recorder import Recorder, read_answer
from tests.unit.inference.scripted_engine import ScriptedEngine

from served import Served, free_port
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import Deps, create_app
from usher_inference.client_keys import digest, new_key
from usher_inference.completions.model import Finished, TextDelta, TokenChance, Usage
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.settings import Settings
from usher_shared.clock import ManualClock
from usher_shared.http.tokens import LocalTokenVerifier
from usher_shared.ids import SequentialIds

FOLDER = Path(__file__).with_name("recorded")
TALKS: dict[str, Callable[[str, str], None]] = {
    "openai": clients_talking.talk_with_openai,
    "langchain": clients_talking.talk_with_langchain,
    "curl": clients_talking.talk_with_curl,
}
KEY = new_key()


def client_version(client: str) -> str:
    if client != "curl":
        return version({"openai": "openai", "langchain": "langchain-openai"}[client])
    if shutil.which("curl") is None:
        pytest.skip("there is no curl here")
    return subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


def speaker() -> ScriptedEngine:
    return ScriptedEngine(
        (
            TextDelta("Good", (TokenChance("Good", -0.25, (("Good", -0.25), ("Hi", -1.75))),)),
            TextDelta(" evening", (TokenChance(" evening", -0.5, ((" evening", -0.5), (" day", -1.0))),)),
            TextDelta("!", (TokenChance("!", -0.125),)),
            Finished("stop", Usage(9, 3)),
        ),
        model=clients_talking.SPEAKER,
    )


@asynccontextmanager
async def served() -> AsyncIterator[tuple[str, list[dict[str, Any]]]]:
    """The app's URL, and what is said there; ids and time are the same in every run."""
    clock = ManualClock(datetime(2026, 11, 20, 18, tzinfo=UTC))
    models = FixedModels((PlaybookEngine("9.9"), speaker()), clock.now())
    app = create_app(
        Settings(client_keys=[digest(KEY)]), Deps(models, LocalTokenVerifier("s" * 40), clock, SequentialIds())
    )
    exchanges: list[dict[str, Any]] = []
    app.add_middleware(Recorder, exchanges=exchanges)
    server = Served(lambda: app, free_port())
    await server.start()
    yield server.url, exchanges
    await server.stop()


@pytest.mark.parametrize("client", TALKS)
async def test_the_client_itself_is_content(client: str) -> None:
    used = client_version(client)
    async with served() as (url, exchanges):
        await asyncio.to_thread(TALKS[client], f"{url}/v1", KEY)
    file = FOLDER / f"{client}.json"
    held = {"client": f"{client} {used}", "exchanges": exchanges}
    if os.environ.get("USHER_RECORD"):
        file.write_bytes(orjson.dumps(held, option=orjson.OPT_INDENT_2) + b"\n")
    recorded = orjson.loads(file.read_bytes())
    if recorded["client"] == held["client"]:  # another version may ask in other words
        assert exchanges == recorded["exchanges"]


@pytest.mark.parametrize("client", TALKS)
async def test_a_recorded_conversation_is_answered_as_it_was(client: str) -> None:
    recorded = orjson.loads((FOLDER / f"{client}.json").read_bytes())
    assert len(recorded["exchanges"]) > 5
    async with served() as (url, _), httpx.AsyncClient(base_url=url) as http:
        for exchange in recorded["exchanges"]:
            answer = await http.request(
                exchange["method"],
                exchange["path"],
                headers={**exchange["headers"], "Authorization": f"Bearer {KEY}"},
                content=None if exchange["body"] is None else orjson.dumps(exchange["body"]),
            )
            assert answer.status_code == exchange["status"]
            assert read_answer(answer.content, answer.headers["content-type"]) == exchange["answer"]
