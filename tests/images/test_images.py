"""Each service's image, confined and alone: what is in it, that it starts with nothing to reach, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pip
import pytest

from images.containers import CONFINED, Container, docker
from usher_shared.cloud import SERVICES

ROOT = Path(__file__).resolve().parents[2]
BASE = "python:3.11-slim-bookworm"
# what /ready names, where nothing that the service depends on can be reached
UNREADY = {
    "gateway": {"store", "agent", "tools"},
    "agent": {"store", "bus", "model", "each model", "tools"},
    "inference": set(),
    "tools": {"store", "payments"},
    "logger": {"warehouse"},
    "webhooks": {"store"},
    "trainer-job": {"store"},
}
# distributions of clients, and the services whose images have them
CLIENTS = {
    "google-cloud-firestore": {"gateway", "agent", "tools", "webhooks", "trainer-job"},
    "google-cloud-pubsub": {"gateway", "agent", "tools", "webhooks"},
    "google-cloud-bigquery": {"logger"},
    "google-cloud-bigquery-storage": {"logger"},
    "google-cloud-storage": {"inference"},
    "google-genai": {"agent", "inference"},
    "onnxruntime": {"inference"},
    "onnxruntime-genai": set(),
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
import importlib.metadata, importlib.util, json, os, shutil, sys
print(json.dumps({
    "distributions": [distribution.name for distribution in importlib.metadata.distributions()],
    "programs": [name for name in ("gcc", "cc", "g++", "make", "ld", "uv") if shutil.which(name)],
    "ids": [os.getuid(), os.getgid()],
    "python": sys.executable,
    "uncompiled": [
        os.path.join(folder, file) for folder, _, files in os.walk("/venv/lib") for file in files
        if file.endswith(".py") and not os.path.exists(importlib.util.cache_from_source(os.path.join(folder, file)))
    ],
}))
"""


@pytest.mark.parametrize("service", SERVICES)
def test_it_starts_with_nothing_to_reach_and_ends_when_told(service: str, run: Callable[[str], Container]) -> None:
    container = run(service)
    container.wait_until_healthy()
    (health_status, health), (ready_status, ready) = container.python(ASK)
    assert (health_status, health["service"]) == (200, service)
    assert {name for name, result in ready["checks"].items() if result != "ok"} == UNREADY[service]
    assert ready_status == (503 if UNREADY[service] else 200)
    # as a container's first process; under an init it would be 143, by the signal itself
    assert container.stop() == 0, container.logs()


@pytest.mark.parametrize("service", SERVICES)
def test_it_holds_what_it_uses_and_no_tools(service: str, image: Callable[[str], str]) -> None:
    seen = json.loads(docker("run", "--rm", "--network", "none", *CONFINED, image(service), "python", "-c", LOOK))
    held = set(seen["distributions"])
    assert {name for name in held if name.startswith("usher-")} == {"usher-shared", f"usher-{service}"}
    assert held & set(CLIENTS) == {name for name, services in CLIENTS.items() if service in services}
    assert not held & {"pip", "setuptools", "wheel", "hatchling"}
    assert seen["programs"] == []
    assert seen["ids"] == [10001, 10001]
    assert seen["python"] == "/venv/bin/python"
    assert seen["uncompiled"] == []


@pytest.mark.parametrize("service", SERVICES)
def test_its_packages_agree(service: str, image: Callable[[str], str]) -> None:
    # the image has no pip: this environment's is lent to it
    command = ["create", "--network", "none", "--env", "PYTHONPATH=/opt", image(service), "python", "-m", "pip"]
    container = docker(*command, "check").decode().strip()
    try:
        docker("cp", str(Path(pip.__file__).parent), f"{container}:/opt/pip")
        assert b"No broken requirements found" in docker("start", "--attach", container)
    finally:
        docker("rm", container)


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
    assert not [n for n in found if n.endswith((".pyc", ".db", ".env", "Dockerfile"))]
    assert not [n for n in found if "tests" in Path(n).parts or Path(n).name.startswith("test_")]
