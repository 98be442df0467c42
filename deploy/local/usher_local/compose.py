"""The compose stack of docker-compose.yaml, driven through whichever compose command this machine has."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from usher_evals.wire import NoAnswer, Refused
from usher_local.public_api import PublicApi
from usher_shared.errors import Unavailable

# as the containers see this machine; docker-compose.yaml maps it for the webhooks service
HOST_FROM_CONTAINERS = "host.docker.internal"
_READY_SECONDS = 180.0
_SCOPES = ("chat", "orders", "act_as_customer", "webhooks", "analytics")


class ComposeFailed(Unavailable):
    """A compose command failed; the detail is what it printed last."""

    code = "compose_failed"


def compose_command() -> list[str]:
    """The Compose plugin, else docker-compose. Raises ComposeFailed when the machine has neither."""
    for command in (["docker", "compose"], ["docker-compose"]):
        try:
            subprocess.run([*command, "version"], capture_output=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    raise ComposeFailed("neither `docker compose` nor `docker-compose` works here: install Docker with Compose")


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class ComposeStack:
    """One project of docker-compose.yaml in `folder`, its gateway on `port` of the loopback address."""

    folder: Path
    project: str
    port: int
    command: list[str] = field(default_factory=compose_command)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str, shown: bool = False) -> str:
        """What `compose ARGUMENTS` prints; `shown` lets it print to the terminal instead. Raises ComposeFailed."""
        env = {**os.environ, "COMPOSE_PROJECT_NAME": self.project, "USHER_PORT": str(self.port)}
        pipe = None if shown else subprocess.PIPE
        done = subprocess.run(
            [*self.command, *arguments], cwd=self.folder, env=env, stdout=pipe, stderr=pipe, text=True, check=False
        )
        if done.returncode != 0:
            printed = (done.stderr or done.stdout or "see above")[-2000:]
            raise ComposeFailed(f"{' '.join([*self.command, *arguments])} failed: {printed}")
        return done.stdout or ""

    async def up(self, *, shown: bool = False) -> None:
        """Build and start everything; returns when the gateway is ready."""
        await asyncio.to_thread(self.run, "up", "--detach", "--build", shown=shown)
        await self.until_ready()

    def down(self) -> None:
        """Stop it and forget its data."""
        self.run("down", "--volumes", "--timeout", "10")

    def container(self, service: str) -> str:
        """The id of the service's container."""
        return self.run("ps", "-q", service).strip()

    def stop(self, service: str) -> None:
        self.run("stop", service)

    def start(self, service: str) -> None:
        self.run("start", service)

    def logs(self, *services: str) -> str:
        return self.run("logs", "--no-color", "--tail", "200", *services)

    def execute(self, service: str, *command: str) -> str:
        """What that command prints in the service's container."""
        return self.run("exec", "-T", service, *command)

    def create_key(self, name: str, per_minute: int) -> str:
        """An API key for everything but administration."""
        scopes = [argument for scope in _SCOPES for argument in ("--scope", scope)]
        made = self.execute(
            "gateway", "python", "-m", "usher_compose.keys", name, *scopes, "--per-minute", str(per_minute)
        )
        return str(json.loads(made.strip().splitlines()[-1])["api_key"])

    async def readiness(self, service: str) -> dict[str, Any]:
        """What /ready of that service says, asked inside its container."""
        program = (
            "import os, urllib.error, urllib.request\n"
            "try: r = urllib.request.urlopen('http://127.0.0.1:%s/ready' % os.environ['PORT'], timeout=10)\n"
            "except urllib.error.HTTPError as e: r = e\n"
            "print(r.read().decode())"
        )
        said = await asyncio.to_thread(self.execute, service, "python", "-c", program)
        answer: dict[str, Any] = json.loads(said)
        return answer

    async def until_ready(self, services: Sequence[str] = ()) -> None:
        """Until the gateway, and these services, say that they are ready. Raises ComposeFailed after minutes."""
        deadline = time.monotonic() + _READY_SECONDS
        last: object = None
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
            while time.monotonic() < deadline:
                try:
                    async with session.get(f"{self.url}/ready") as answer:
                        last = await answer.json()
                        ready = answer.status == 200
                    for service in services:
                        last = await self.readiness(service)
                        ready = ready and last["status"] == "ready"
                    if ready:
                        return
                except (aiohttp.ClientError, TimeoutError, ComposeFailed, json.JSONDecodeError) as error:
                    last = error
                await asyncio.sleep(0.5)  # a container announces nothing to the outside
        raise ComposeFailed(f"the stack is not ready after {_READY_SECONDS:.0f} s: {last}")

    async def until_seeded(self, api_key: str) -> None:
        """Until the catalogue can be read. Raises ComposeFailed."""
        deadline = time.monotonic() + _READY_SECONDS
        async with PublicApi(self.url, {"X-API-Key": api_key}) as api:
            while time.monotonic() < deadline:
                try:
                    if (await api.call("GET", "/events"))["events"]:
                        return
                except (Refused, NoAnswer):
                    pass
                await asyncio.sleep(0.5)  # the set-up container announces nothing to the outside
        raise ComposeFailed("the catalogue was not imported; see: docker compose logs setup")
