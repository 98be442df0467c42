"""Each service installs alone: a clean environment, its pinned requirements, itself and usher_shared, nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ["gateway", "agent", "inference", "tools", "logger", "webhooks", "trainer-job"]


def _uv(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_installs_and_imports_alone(service: str, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    python = str(venv / "bin/python")
    assert _uv("venv", "--python", sys.executable, str(venv)).returncode == 0
    folder = f"services/{service}"
    installed = _uv("pip", "install", "--python", python, "-r", f"{folder}/requirements.txt", "./shared", f"./{folder}")
    if installed.returncode and "error sending request" in installed.stderr and not os.environ.get("CI"):
        pytest.skip("the package index cannot be reached")
    assert installed.returncode == 0, installed.stderr
    checked = _uv("pip", "check", "--python", python)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    package = "usher_" + service.replace("-", "_")
    others = ["usher_" + s.replace("-", "_") for s in SERVICES if s != service] + [
        "usher_local",
        "usher_compose",
        "usher_evals",
        "torch",
    ]
    program = (
        f"import importlib.util as u, {package}.app as app; assert app.create_app\n"
        f"assert not [n for n in {others!r} if u.find_spec(n)]\n"
    )
    run = subprocess.run([python, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
