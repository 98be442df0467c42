"""A service's Google Cloud root loads the clients that it uses, and no other room's; a laptop's roots load no model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from usher_shared.cloud import SERVICES

ROOT = Path(__file__).resolve().parents[2]
STORE = {"google.cloud.firestore_v1"}
BUS = {"google.pubsub_v1"}
# what each root, built but not yet serving, has loaded of HEAVY
USES = {
    "gateway": STORE | BUS | {"redis"},
    "agent": STORE | BUS,
    "inference": set(),
    "tools": STORE | BUS,
    "logger": {"google.cloud.bigquery", "google.cloud.bigquery_storage_v1"},
    "webhooks": STORE | BUS,
    "trainer-job": STORE,
}
# what models need that run here, or are asked elsewhere
MODELS = {
    "accelerate",
    "bitsandbytes",
    "google.genai",
    "jinja2",
    "json_repair",
    "llguidance",
    "numpy",
    "onnxruntime",
    "onnxruntime_genai",
    "peft",
    "tokenizers",
    "torch",
    "transformers",
    "vllm",
}
HEAVY = {
    "google.cloud.firestore_v1",
    "google.pubsub_v1",
    "google.cloud.pubsub_v1",  # the publisher with threads of its own
    "google.cloud.bigquery",
    "google.cloud.bigquery_storage_v1",
    "google.cloud.storage",
    "opentelemetry.sdk.trace",  # tracing is off unless asked for
    "duckdb",
    "httpx",
    "mcp",
    *MODELS,
    "pandas",
    "pyarrow",
    "redis",
    "sqlglot",
    "sqlite3",
}
# libraries look for others and load them where they are (Stripe's does), which in a service's own image they are not
PROGRAM = """
import json, sys
sys.modules.update(dict.fromkeys({absent}))
import {package}.__main__ as root
from usher_shared.cloud import CloudSettings, google_cloud
root.build(google_cloud(CloudSettings()))
print(json.dumps(sorted(sys.modules)))
"""
# the laptop's root of each service, on an empty data folder
EMBEDDED = """
import json, sys
from pathlib import Path
from usher_local.stack import create_stack
import usher_local.roots.{module} as root
root.build(create_stack(Path("home"), {{}}))
print(json.dumps(sorted(sys.modules)))
"""
# a program of inference where no extra is installed
BARE = """
import sys
sys.modules.update(dict.fromkeys({absent}))
import usher_inference.app, usher_inference.engine_loading
"""


@pytest.mark.parametrize("service", SERVICES)
def test_a_root_loads_what_it_uses(service: str, tmp_path: Path) -> None:
    settings = {
        "USHER_PROJECT": "nowhere",
        "USHER_SERVICE_URL": "https://usher-{service}.invalid",
        "USHER_GATEWAY_LIMIT_STORAGE": "redis://127.0.0.1:1",
        "USHER_GATEWAY_CACHE_STORAGE": "redis://127.0.0.1:1",
    }
    pinned = (ROOT / "services" / service / "requirements.txt").read_text()
    absent = [name for name in ("httpx",) if f"\n{name}==" not in pinned]
    program = PROGRAM.format(package="usher_" + service.replace("-", "_"), absent=absent)
    run = _run(program, tmp_path, settings)
    assert run.returncode == 0, run.stderr
    loaded = set(json.loads(run.stdout)) - set(absent)
    assert HEAVY & loaded == USES[service]


@pytest.mark.parametrize("service", SERVICES)
def test_a_laptops_root_loads_no_model(service: str, tmp_path: Path) -> None:
    run = _run(EMBEDDED.format(module=service.replace("-", "_")), tmp_path)
    assert run.returncode == 0, run.stderr
    assert MODELS & set(json.loads(run.stdout)) == set()


def test_inference_can_be_loaded_without_its_extras(tmp_path: Path) -> None:
    absent = sorted(MODELS | {"sqlglot", "google.auth", "google.cloud.storage"})
    run = _run(BARE.format(absent=absent), tmp_path)
    assert run.returncode == 0, run.stderr


def _run(program: str, folder: Path, environment: Mapping[str, str] = {}) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    command = [sys.executable, "-c", program]
    env = inherited | dict(environment)
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
