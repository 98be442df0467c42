"""The pipeline's own commands, run with a recorder in Docker's place."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from usher_shared.cloud import SERVICES

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy/gcp/cloudbuild.yaml"
REGISTRY = "europe-west1-docker.pkg.dev/tickets/usher"


@pytest.fixture
def pipeline() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


def _step(pipeline: dict[str, Any], name: str) -> dict[str, Any]:
    step: dict[str, Any] = next(step for step in pipeline["steps"] if step["id"] == name)
    return step


def _run(step: dict[str, Any], folder: Path) -> list[str]:
    """The step's shell commands as Cloud Build would run them; what `docker` was called with."""
    recorder = folder / "docker"
    recorder.write_text('#!/bin/sh\necho "$@" >> "$RECORD"\n')
    recorder.chmod(0o755)
    record = folder / "record"
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "RECORD": str(record), "REGISTRY": REGISTRY}
    script = step["args"][1].replace("${COMMIT_SHA}", "abc123").replace("$$", "$")
    subprocess.run([step["entrypoint"], step["args"][0], script], cwd=ROOT, env=env, check=True)
    return record.read_text().splitlines()


def test_every_services_image_is_built_from_the_root_and_pushed(pipeline: dict[str, Any], tmp_path: Path) -> None:
    built = _run(_step(pipeline, "build"), tmp_path)
    assert set(built) == {
        f"build --file services/{service}/Dockerfile --tag {REGISTRY}/{service}:abc123 ." for service in SERVICES
    }
    (tmp_path / "record").unlink()
    assert set(_run(_step(pipeline, "push"), tmp_path)) == {f"push {REGISTRY}/{service}:abc123" for service in SERVICES}


def test_a_release_changes_the_services_alone(pipeline: dict[str, Any]) -> None:
    script = _step(pipeline, "release")["args"][1]
    assert re.findall(r"-target=(\S+)", script) == ["google_cloud_run_v2_service.service"]
    assert '-var="release=${COMMIT_SHA}"' in script


def test_the_builds_own_account_deploys_nothing(pipeline: dict[str, Any]) -> None:
    deploy = "usher-deploy@${PROJECT_ID}.iam.gserviceaccount.com"
    assert f"--impersonate-service-account={deploy}" in _step(pipeline, "settings")["args"]
    assert {entry.partition("=")[2] for entry in _step(pipeline, "release")["env"] if "IMPERSONATE" in entry} == {
        deploy
    }
