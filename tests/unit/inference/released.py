"""Releases whose engines say what a file of theirs says, and the inference service that serves them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from served import Served as App
from served import free_port
from usher_inference.app import Deps, create_app
from usher_inference.completions.model import CallPiece, Delta, Finished, Prompt, TextDelta, Usage
from usher_inference.metrics import Metrics
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.releases.assembly import Rules, released_models
from usher_inference.releases.ports import Loaded
from usher_inference.releases.service import ReleasedModels
from usher_inference.settings import Settings
from usher_shared.artifacts import ArtifactStore
from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.artifacts.releases import Releases
from usher_shared.clock import SystemClock
from usher_shared.contracts.identity import CONVERSATION_HEADER
from usher_shared.contracts.releases import Release
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "s" * 40
MODEL = "small"
FIRST = datetime(2026, 11, 1, tzinfo=UTC)


class ScriptedEngine:
    """Says its version before every piece, so that an answer of two releases would show."""

    def __init__(self, release: Release, script: dict[str, Any]) -> None:
        self.model = release.model
        self.version = release.version
        self._script = script
        self.go_on = asyncio.Event()
        self.go_on.set()
        self._running = 0
        self._started = asyncio.Condition()
        self.closed = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        return self.closed.is_set()

    async def answering(self, requests: int = 1) -> None:
        """Until it answers so many."""
        async with self._started:
            await self._started.wait_for(lambda: self._running >= requests)

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        async with self._started:
            self._running += 1
            self._started.notify_all()
        try:
            if "call" in self._script:
                yield CallPiece(0, self._script["call"]["arguments"], self._script["call"]["name"])
                yield Finished("tool_calls", Usage(1, 1))
                return
            if "raises" in self._script:
                raise RuntimeError(self._script["raises"])
            for word in self._script.get("says", "one two three four").split():
                await self.go_on.wait()
                await asyncio.sleep(0)  # others take their turn between two pieces
                assert not self.is_closed, f"{self.version} was freed while it answered"
                yield TextDelta(f"{self.version}:{word} ")
            yield Finished("stop", Usage(1, 4))
        finally:
            self._running -= 1

    async def close(self) -> None:
        assert not self._running, f"{self.version} was freed while it answered"
        self.closed.set()


class ScriptedLoader:
    """Keeps what it made, by version the last one of each. `breaks_once` are versions that do not load next time."""

    def __init__(self) -> None:
        self.engines: dict[str, ScriptedEngine] = {}
        self.breaks_once: set[str] = set()
        self._made: list[ScriptedEngine] = []
        self.loads: list[str] = []
        self.most_at_once = 0
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def load(self, release: Release, folder: Path) -> Loaded:
        self.asked.set()
        await self.go_on.wait()
        script = json.loads((folder / "script.json").read_bytes())
        if "breaks" in script:
            raise ValueError(script["breaks"])
        if release.version in self.breaks_once:
            self.breaks_once.remove(release.version)
            raise MemoryError("there is no room just now")
        self.loads.append(release.version)
        engine = self.engines[release.version] = ScriptedEngine(release, script)
        self._made.append(engine)
        self.most_at_once = max(self.most_at_once, sum(not each.is_closed for each in self._made))
        return Loaded(engine, engine.close)


class House:
    """A store of releases in a folder, and any number of servers on it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store: ArtifactStore = FolderArtifactStore(root / "store")
        self.day = 0

    async def publish(self, version: str, script: dict[str, Any] | None = None, **fields: Any) -> Release:
        """A day after the one before, unless `created_at` says otherwise."""
        self.day += 1
        folder = self.root / "made" / version
        folder.mkdir(parents=True)
        (folder / "script.json").write_text(json.dumps(script or {}))
        (folder / "weights").mkdir()
        (folder / "weights" / "part-1.safetensors").write_bytes(version.encode() * 1000)
        described: dict[str, Any] = {
            "version": version,
            "model": MODEL,
            "engine": "onnx",
            "created_at": FIRST + timedelta(days=self.day),
        }
        return await Releases(self.store).publish(Release(**described | fields), folder)

    def models(
        self,
        loader: ScriptedLoader,
        rules: Rules | None = None,
        *,
        cache: str = "cache",
        store: ArtifactStore | None = None,
        metrics: Metrics | None = None,
    ) -> ReleasedModels:
        return released_models(
            store=store or self.store,
            cache=self.root / cache,
            loader=loader,
            built_in=(PlaybookEngine("1.0"),),
            clock=SystemClock(),
            metrics=metrics or Metrics(),
            rules=rules,
        )


class Client:
    """The service over HTTP."""

    def __init__(self, url: str, http: aiohttp.ClientSession) -> None:
        self.url = url
        self._http = http

    async def call(
        self, method: str, path: str, body: Any = None, *, caller: str = "cli", headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        token = await LocalTokenSource(caller, SECRET).token("inference")
        known = {"Authorization": f"Bearer {token}"} | (headers or {})
        async with self._http.request(method, self.url + path, json=body, headers=known) as answer:
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, await answer.json() if is_json else await answer.text()

    async def ask(self, conversation: str = "CONV_1", *, model: str = MODEL) -> tuple[str, str, str]:
        """An answer's text, version and variant, streamed."""
        token = await LocalTokenSource("agent", SECRET).token("inference")
        headers = {"Authorization": f"Bearer {token}", CONVERSATION_HEADER: conversation}
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        text = ""
        async with self._http.post(f"{self.url}/v1/chat/completions", json=body, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            version, variant = answer.headers["Usher-Model-Version"], answer.headers["Usher-Model-Variant"]
            async for line in answer.content:
                data = line.decode().strip().removeprefix("data: ")
                if data.startswith("{"):
                    chunk = json.loads(data)
                    assert "error" not in chunk, chunk
                    text += "".join(each["delta"].get("content") or "" for each in chunk["choices"])
        return text, version, variant


@asynccontextmanager
async def serving(models: ReleasedModels, settings: Settings | None = None) -> AsyncIterator[Client]:
    """The app on a port."""
    deps = Deps(models, LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator(), releases=models)
    app = App(lambda: create_app(settings or Settings(releases_poll_seconds=0), deps), free_port())
    await app.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Client(app.url, http)
    finally:
        await app.stop()
