"""One embedded stack: its data folder, its ports, its secret; how its parts find each other."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from usher_local.bus.client import HttpEventBus
from usher_shared.bus import EventBus
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import Conflict, NotFound
from usher_shared.http.client import ServiceClient
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier

# in the order of their ports, counted from the first; the gateway is the one that the public sees
SERVICES = ("gateway", "agent", "inference", "tools", "logger", "webhooks", "trainer-job", "bus")
HOST = "127.0.0.1"


class PortTaken(Conflict):
    """Another program listens where the stack should."""

    code = "port_taken"


class NoStack(NotFound):
    """None was ever started there."""

    code = "no_stack"


@dataclass(frozen=True, slots=True)
class Stack:
    """`home` is the data folder; `ports` maps each service to its port on the loopback address."""

    home: Path
    ports: dict[str, int]
    secret: str

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def run(self) -> Path:
        """Process ids, one file a process."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def knowledge(self) -> Path:
        """The index of the house's documents, which `usher knowledge build` makes."""
        return self.data / "knowledge.db"

    @property
    def artifacts(self) -> Path:
        """The artifact store: releases of models, and what is deployed of them."""
        return self.data / "artifacts"

    def url(self, service: str) -> str:
        return f"http://{HOST}:{self.ports[service]}"

    def store(self, service: str) -> SqliteDocumentStore:
        """The service's own documents, one SQLite file."""
        return SqliteDocumentStore(self.data / f"{service}.db")

    def ticket_signing_key(self) -> SecretStr:
        """What signs digital tickets: seeds of Ed25519 keys, the newest first."""
        return SecretStr(_kept(self.home / "ticket-signing-key", lambda: b64encode(secrets.token_bytes(32)).decode()))

    def tokens(self, service: str) -> LocalTokenSource:
        return LocalTokenSource(service, self.secret)

    def verifier(self) -> LocalTokenVerifier:
        return LocalTokenVerifier(self.secret)

    def client(self, caller: str, service: str, *, timeout_seconds: float = 30.0) -> ServiceClient:
        """What `caller` calls `service` with."""
        return ServiceClient(service, self.url(service), self.tokens(caller), timeout_seconds=timeout_seconds)

    def bus(self, service: str) -> EventBus:
        return HttpEventBus(self.client(service, "bus"))


def default_home() -> Path:
    """USHER_HOME, else `.usher` in the current folder."""
    return Path(os.environ.get("USHER_HOME", ".usher")).resolve()


def default_port() -> int:
    """USHER_PORT, else 8080: the gateway's port, the others follow it."""
    return int(os.environ.get("USHER_PORT", "8080"))


def _kept(file: Path, make: Callable[[], str]) -> str:
    """The secret in that file, made on first use; readable by its owner alone."""
    if not file.exists():
        beside = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(make())
        with contextlib.suppress(FileExistsError):
            os.link(beside, file)  # of two processes that make the first, one wins and both use it
        beside.unlink()
    return file.read_text().strip()


def _secret(home: Path) -> str:
    return _kept(home / "secret", lambda: secrets.token_urlsafe(48))


def consecutive_ports(first: int) -> dict[str, int]:
    """A port for every service, counted from `first`; all 0 (any free port) when that is 0."""
    return {service: first + offset if first else 0 for offset, service in enumerate(SERVICES)}


def listen(ports: Mapping[str, int]) -> dict[str, socket.socket]:
    """A listening socket for each of these services; port 0 takes a free one. Raises PortTaken.

    The supervisor keeps the sockets, so that a service's restart refuses nobody.
    """
    sockets: dict[str, socket.socket] = {}
    for service, port in ports.items():
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError as error:
            for opened in (*sockets.values(), listener):
                opened.close()
            raise PortTaken(
                f"port {port} ({service}) is in use: stop what listens there, or set USHER_PORT to the first "
                f"of {len(SERVICES)} free ports"
            ) from error
        listener.listen(1024)
        listener.set_inheritable(True)
        sockets[service] = listener
    return sockets


def create_stack(home: Path, sockets: dict[str, socket.socket]) -> Stack:
    """The stack of that folder on these sockets; folders, secret and `stack.json` are written."""
    # a service that does not run here gets the discard port, which refuses at once
    ports = {service: sockets[service].getsockname()[1] if service in sockets else 9 for service in SERVICES}
    stack = Stack(home, ports, "")
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o700)  # customers' data and the keys are the owner's alone
    for folder in (stack.data, stack.run, stack.logs):
        folder.mkdir(exist_ok=True)
    (home / "stack.json").write_text(json.dumps({"ports": stack.ports}, indent=2) + "\n")
    return load_stack(home)


def load_stack(home: Path) -> Stack:
    """The stack that was last started in that folder. Raises FileNotFoundError when there was none."""
    ports = json.loads((home / "stack.json").read_text())["ports"]
    return Stack(home, ports, _secret(home))


def usual_stack() -> Stack:
    """The stack that commands speak to. Raises NoStack, which says how to start one."""
    home = default_home()
    try:
        return load_stack(home)
    except FileNotFoundError as error:
        raise NoStack(f"There is no stack in {home}. Start one with: usher up") from error
