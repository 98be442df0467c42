"""The import rules hold, and each bites: one planted violation per rule."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("shared", "services", "evals", "deploy/local")


def _lint(tree: Path) -> subprocess.CompletedProcess[str]:
    folders = [tree / "shared", *sorted((tree / "services").iterdir()), tree / "evals", tree / "deploy/local"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}
    command = [
        str(Path(sys.executable).with_name("lint-imports")),
        "--no-cache",
        "--config",
        str(tree / "pyproject.toml"),
    ]
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources that a test may spoil."""
    for source in SOURCES:
        shutil.copytree(ROOT / source, tmp_path / source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_rules_hold(tree: Path) -> None:
    result = _lint(tree)
    assert result.returncode == 0, result.stdout


PLANTED = [
    (
        "services import no other service",
        "services/tools/usher_tools/planted.py",
        "import usher_agent",
        "do not know each other",
    ),
    ("shared imports no service", "shared/usher_shared/planted.py", "import usher_tools", "above evals"),
    ("services do not use evals", "services/agent/usher_agent/planted.py", "import usher_evals", "use evals"),
    ("events know no framework", "shared/usher_shared/events/planted.py", "import fastapi", "pydantic alone"),
    ("contracts know no client", "shared/usher_shared/contracts/planted.py", "import aiohttp", "pydantic alone"),
    (
        "a service function knows no framework",
        "services/tools/usher_tools/planted/service.py",
        "import fastapi",
        "know no framework",
    ),
    ("a model knows no database", "services/tools/usher_tools/planted/model.py", "import sqlite3", "know no framework"),
    ("ports know no client", "services/agent/usher_agent/planted/ports.py", "import aiohttp", "know no framework"),
    (
        "a service function knows no endpoint",
        "services/tools/usher_tools/planted/service.py",
        "from usher_tools.planted import endpoints",
        "Services do not know who calls them",
    ),
    (
        "a model knows no service",
        "services/tools/usher_tools/planted/model.py",
        "from usher_tools.planted import service",
        "Models and ports know no service",
    ),
    (
        "endpoints know no adapter",
        "services/tools/usher_tools/planted/endpoints.py",
        "from usher_tools.adapters import planted",
        "Only roots know adapters",
    ),
    (
        "adapters know no service",
        "services/tools/usher_tools/adapters/planted.py",
        "from usher_tools.planted import service",
        "Adapters know ports and models",
    ),
]


@pytest.mark.parametrize(("path", "line", "contract"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED])
def test_a_violation_is_found(tree: Path, path: str, line: str, contract: str) -> None:
    planted = tree / path
    planted.parent.mkdir(parents=True, exist_ok=True)
    # the modules that a planted line may name exist, so that only the rule can object
    feature = tree / "services/tools/usher_tools/planted"
    if ("usher_tools" in path and path.endswith(("service.py", "model.py", "endpoints.py"))) or "adapters" in path:
        feature.mkdir(exist_ok=True)
        for name in ("__init__", "endpoints", "service", "model"):
            (feature / f"{name}.py").touch()
        (tree / "services/tools/usher_tools/adapters").mkdir(exist_ok=True)
        for name in ("__init__", "planted"):
            (tree / f"services/tools/usher_tools/adapters/{name}.py").touch()
    else:
        (planted.parent / "__init__.py").touch()
    planted.write_text(line + "\n")
    result = _lint(tree)
    assert result.returncode != 0, f"nothing objected to {line!r} in {path}"
    broken = result.stdout[result.stdout.index("Contracts:") :] if "Contracts:" in result.stdout else result.stdout
    assert contract in " ".join(broken.split()), broken
