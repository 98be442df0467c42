"""Pins dependencies: `constraints.txt` for development, `requirements.txt` beside every package's pyproject.toml.

A package's requirements.txt holds third-party packages alone: what its image installs before the code.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = "# Pinned by `make lock`; do not edit.\n"
PACKAGES = [
    "services/gateway",
    "services/agent",
    "services/inference",
    "services/tools",
    "services/logger",
    "services/webhooks",
    "services/trainer-job",
    "evals",
    "deploy/local",
]


def _third_party(package: Path, seen: set[Path]) -> list[str]:
    """The package's requirements with our own packages replaced by theirs."""
    if package in seen:
        return []
    seen.add(package)
    project = tomllib.loads((ROOT / package / "pyproject.toml").read_text())["project"]
    found = []
    for requirement in project["dependencies"]:
        own = re.fullmatch(r"usher-([a-z-]+)(?:\[([a-z,]+)\])?", requirement)
        if own is None:
            found.append(requirement)
            continue
        folder = {"shared": "shared", "evals": "evals"}.get(own[1], f"services/{own[1]}")
        found += _third_party(Path(folder), seen)
        extras = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"].get(
            "optional-dependencies", {}
        )
        for extra in (own[2] or "").split(","):
            found += extras.get(extra, [])
    return found


def _compile(requirements: list[str], output: Path, constraint: Path | None) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".in") as source:
        source.write("\n".join(requirements) + "\n")
        source.flush()
        command = [sys.executable, "-m", "uv", "pip", "compile", source.name, "--universal", "--python-version", "3.11"]
        command += ["--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        if constraint is not None:
            command += ["--constraint", str(constraint)]
        pinned = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  our own command
    output.write_text(HEADER + pinned)
    print(f"{output.relative_to(ROOT)}: {pinned.count('==')} packages")  # noqa: T201  the program's report


def main() -> None:
    everything = [r for r in (ROOT / "requirements-dev.txt").read_text().splitlines() if r and r[0] not in "#-"]
    for package in PACKAGES:
        everything += _third_party(Path(package), set())
    everything += ["hatchling", "editables"]
    constraints = ROOT / "constraints.txt"
    _compile(sorted(set(everything)), constraints, None)
    for package in PACKAGES:
        _compile(_third_party(Path(package), set()), ROOT / package / "requirements.txt", constraints)


if __name__ == "__main__":
    main()
