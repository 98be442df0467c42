"""A service's Google Cloud root loads the clients that it uses, and no other room's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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
    "numpy",
    "pandas",
    "pyarrow",
    "redis",
    "sqlglot",
    "sqlite3",
    "torch",
    "transformers",
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


@pytest.mark.parametrize("service", SERVICES)
def test_a_root_loads_what_it_uses(service: str, tmp_path: Path) -> None:
    settings = {
        "USHER_PROJECT": "nowhere",
        "USHER_SERVICE_URL": "https://usher-{service}.invalid",
        "USHER_GATEWAY_LIMIT_STORAGE": "redis://127.0.0.1:1",
        "USHER_GATEWAY_CACHE_STORAGE": "redis://127.0.0.1:1",
    }
    inherited = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    pinned = (ROOT / "services" / service / "requirements.txt").read_text()
    absent = [name for name in ("httpx",) if f"\n{name}==" not in pinned]
    program = PROGRAM.format(package="usher_" + service.replace("-", "_"), absent=absent)
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env=inherited | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    loaded = set(json.loads(run.stdout)) - set(absent)
    assert HEAVY & loaded == USES[service]
