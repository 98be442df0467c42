"""Each service's image, confined and alone: what is in it, that it starts with nothing to reach, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from images.containers import Container, docker
from usher_shared.cloud import SERVICES

ROOT = Path(__file__).resolve().parents[2]
BASE = "python:3.11-slim-bookworm"
# what /ready names, where nothing that the service depends on can be reached
UNREADY = {
    "gateway": {"store", "agent", "tools"},
    "agent": {"store", "bus", "model", "tools"},
    "inference": set(),
    "tools": {"store", "payments"},
    "logger": {"warehouse"},
    "webhooks": {"store"},
    "trainer-job": {"store"},
}
# top-level packages of clients, and the services whose images have them
CLIENTS = {
    "google.cloud.firestore": {"gateway", "agent", "tools", "webhooks", "trainer-job"},
    "google.cloud.pubsub_v1": {"gateway", "agent", "tools", "webhooks"},
    "google.cloud.bigquery": {"logger"},
    "google.cloud.bigquery_storage_v1": {"logger"},
    "google.cloud.storage": set(),
    "redis": {"gateway"},
    "duckdb": set(),
    "torch": set(),
    "transformers": set(),
}
ASK = """
import http.client, json
def ask(path):
    connection = http.client.HTTPConnection("127.0.0.1", 8080, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read())
print(json.dumps([ask("/health"), ask("/ready")]))
"""
LOOK = """
import importlib.util, json, os, shutil, sys
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
names = json.loads(%r)
print(json.dumps({
    "modules": [name for name in names if there(name)],
    "programs": [name for name in ("gcc", "cc", "g++", "make", "ld", "uv") if shutil.which(name)],
    "ids": [os.getuid(), os.getgid()],
    "python": sys.executable,
    "uncompiled": [
        os.path.join(folder, file) for folder, _, files in os.walk("/venv/lib") for file in files
        if file.endswith(".py") and not os.path.exists(importlib.util.cache_from_source(os.path.join(folder, file)))
    ],
}))
"""


def _package(service: str) -> str:
    return "usher_" + service.replace("-", "_")


@pytest.mark.parametrize("service", SERVICES)
def test_it_starts_with_nothing_to_reach_and_ends_when_told(service: str, run: Callable[[str], Container]) -> None:
    container = run(service)
    container.wait_until_healthy()
    (health_status, health), (ready_status, ready) = container.python(ASK)
    assert (health_status, health["service"]) == (200, service)
    assert {name for name, result in ready["checks"].items() if result != "ok"} == UNREADY[service]
    assert ready_status == (503 if UNREADY[service] else 200)
    assert container.stop() == 0, container.logs()


@pytest.mark.parametrize("service", SERVICES)
def test_it_holds_what_it_uses_and_no_tools(service: str, run: Callable[[str], Container]) -> None:
    ours = [_package(other) for other in SERVICES] + ["usher_local", "usher_evals", "usher_shared"]
    names = [*CLIENTS, *ours, "pip", "setuptools", "hatchling"]
    seen = run(service).python(LOOK % json.dumps(names))
    assert set(seen["modules"]) == {n for n, s in CLIENTS.items() if service in s} | {_package(service), "usher_shared"}
    assert seen["programs"] == []
    assert seen["ids"] == [10001, 10001]
    assert seen["python"] == "/venv/bin/python"
    assert seen["uncompiled"] == []


@pytest.mark.parametrize("service", SERVICES)
def test_its_packages_agree(service: str, image: Callable[[str], str]) -> None:
    made = docker("create", image(service)).decode().strip()
    try:
        venv = docker("cp", f"{made}:/venv", "-")
    finally:
        docker("rm", made)
    # the image has no pip to ask; the base has
    check = "tar -x -C / && python -m pip --python /venv/bin/python check"
    said = docker("run", "--rm", "--interactive", "--network", "none", BASE, "sh", "-c", check, stdin=venv)
    assert b"No broken requirements found" in said


@pytest.mark.usefixtures("engine")
def test_only_what_images_are_built_from_goes_to_the_engine(tmp_path: Path) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM {BASE}\nCOPY . /context\n")
    tag = f"usher-test/context:{tmp_path.name}"
    docker("build", "--quiet", "--file", str(dockerfile), "--tag", tag, str(ROOT))
    try:
        found = docker("run", "--rm", tag, "find", "/context", "-type", "f").decode().split()
    finally:
        docker("rmi", tag)
    assert {Path(name).parts[2] for name in found} == {"constraints.txt", "shared", "services"}
    assert not [n for n in found if n.endswith((".pyc", ".db", ".env", "Dockerfile")) or "test" in Path(n).name]
