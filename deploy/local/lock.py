"""Pins dependencies: `constraints.txt` for development, `requirements.txt` beside every package's pyproject.toml.

What is pinned already stays; `--upgrade` takes the newest of everything.

A package's requirements.txt holds third-party packages alone; a service's those of its image, with the extra `cloud`.
`services/inference/requirements-torch.txt` is the image with torch. torch itself is in no file: which build it is
(CPU, one of CUDA's) is chosen where it is installed, by the Makefile and Dockerfile.torch; each has needs of its own.
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
# each file with the extras of its package that it holds
PINNED: dict[str, set[str]] = {
    "services/gateway/requirements.txt": {"cloud"},
    "services/agent/requirements.txt": {"cloud"},
    "services/inference/requirements.txt": {"cloud", "onnx"},
    "services/inference/requirements-torch.txt": {"cloud", "torch"},
    "services/tools/requirements.txt": {"cloud"},
    "services/logger/requirements.txt": {"cloud"},
    "services/webhooks/requirements.txt": {"cloud"},
    "services/trainer-job/requirements.txt": {"cloud"},
    "evals/requirements.txt": set(),
    "deploy/local/requirements.txt": set(),
}
DEVELOPMENT = ("requirements-dev.txt", "requirements-models.txt")
# asked for by packages that are pinned, and by torch, which is not
UNPINNED = "torch"
OF_TORCH = {"filelock", "fsspec", "jinja2", "networkx", "setuptools", "sympy", "typing-extensions"}
# packages of ours that are no services
ELSEWHERE = {"shared": "shared", "evals": "evals", "local": "deploy/local"}


def _third_party(package: str, extras: set[str]) -> set[str]:
    """The package's requirements, with those of its `extras`; our own packages are replaced by theirs."""
    project = tomllib.loads((ROOT / package / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    found: set[str] = set()
    for requirement in wanted:
        own = re.fullmatch(r"usher-([a-z-]+)(?:\[([a-z,]+)\])?", requirement)
        if own is None:
            found.add(requirement)
            continue
        folder = ELSEWHERE.get(own[1], f"services/{own[1]}")
        found |= _third_party(folder, set(own[2].split(",")) if own[2] else set())
    return found


def _compile(requirements: set[str], output: Path, constraint: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, result, excluded = (Path(folder, name) for name in ("requirements.in", "pinned.txt", "excluded.txt"))
        excluded.write_text(UNPINNED)
        asks_for_torch = any(re.match(rf"{UNPINNED}\b", requirement) for requirement in requirements)
        source.write_text("\n".join(sorted(requirements | (OF_TORCH if asks_for_torch else set()))) + "\n")
        if output.exists() and "--upgrade" not in sys.argv:
            result.write_text(output.read_text())  # uv keeps the versions that it finds in its output
        command = [sys.executable, "-m", "uv", "pip", "compile", str(source), "--output-file", str(result)]
        command += ["--universal", "--python-version", "3.11", "--excludes", str(excluded)]
        command += ["--quiet", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        if constraint is not None:
            command += ["--constraint", str(constraint)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  our own command
        pinned = result.read_text()
    output.write_text(HEADER + pinned)
    print(f"{output.relative_to(ROOT)}: {pinned.count('==')} packages")  # noqa: T201  the program's report


def _development() -> set[str]:
    """What the developers' files ask for, our own packages replaced by their requirements."""
    found: set[str] = set()
    for line in (line for file in DEVELOPMENT for line in (ROOT / file).read_text().splitlines()):
        own = re.fullmatch(r"-e \./([a-z/-]+)(?:\[([a-z,]+)\])?", line)
        if own is not None:
            found |= _third_party(own[1], set(own[2].split(",")) if own[2] else set())
        elif line and line[0] not in "#-":
            found.add(line)
    return found


def main() -> None:
    wanted = {file: _third_party(str(Path(file).parent), extras) for file, extras in PINNED.items()}
    constraints = ROOT / "constraints.txt"
    _compile(_development().union({"hatchling", "editables"}, *wanted.values()), constraints, None)
    for file, requirements in wanted.items():
        _compile(requirements, ROOT / file, constraints)


if __name__ == "__main__":
    main()
