"""What deploy/gcp/terraform says: parsed, and its locals evaluated by Terraform itself, which needs no provider."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hcl2
import pytest
from hcl2 import SerializationOptions

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy/gcp/terraform"
FILES = sorted(FOLDER.glob("*.tf"))
_OPTIONS = SerializationOptions(with_comments=False, strip_string_quotes=True)
_VARIABLES = {"project": "tickets", "region": "europe-west1", "release": "abc", "state_bucket": "state"}
_ADDRESS = re.compile(r"(?<![\w.])(?:(?:var|local)\.\w+|data\.google_\w+\.\w+|google_\w+\.\w+)")
_LOCALS = (
    "services",
    "calls",
    "call_edges",
    "publishes",
    "publishing",
    "pinged_topic",
    "databases",
    "dead_letter_topics",
    "subscriptions",
    "secrets",
    "secret_variables",
    "firestore_indexes",
    "firestore_ttl",
    "variables",
)


def terraform(*arguments: str, cwd: Path = FOLDER, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run the Terraform CLI; skips the test where there is none."""
    program = shutil.which("terraform")
    if program is None:
        pytest.skip("no `terraform` on the PATH")
    return subprocess.run([program, *arguments], cwd=cwd, input=given, capture_output=True, text=True, check=False)


@cache
def parsed(path: Path) -> dict[str, Any]:
    with path.open() as file:
        return hcl2.load(file, serialization_options=_OPTIONS)


def resources() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(type, name, body) of every resource."""
    for path in FILES:
        for block in parsed(path).get("resource", []):
            for kind, named in block.items():
                for name, body in named.items():
                    yield kind, name, body


def resource(kind: str, name: str) -> dict[str, Any]:
    return next(body for k, n, body in resources() if (k, n) == (kind, name))


def strings(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """(path, text) of every string in a parsed value; expressions stand in `${}`."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner, path)
    elif isinstance(value, str):
        yield path.removeprefix("."), value


@cache
def evaluate(**variables: str) -> dict[str, Any]:
    """The locals of locals.tf and firestore_locals.tf as Terraform computes them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "deploy/gcp/terraform"
        folder.mkdir(parents=True)
        (Path(name) / "shared").symlink_to(ROOT / "shared")
        for file in ("locals.tf", "firestore_locals.tf", "variables.tf"):
            shutil.copy(FOLDER / file, folder)
        wanted = ", ".join(f"{name} = local.{name}" for name in _LOCALS)
        given = [f"-var={name}={value}" for name, value in (_VARIABLES | variables).items()]
        done = terraform("console", *given, cwd=folder, given=f"jsonencode({{ {wanted} }})\n")
    assert done.returncode == 0, done.stderr
    value: dict[str, Any] = json.loads(json.loads(done.stdout))
    return value


def references(text: str) -> set[str]:
    """Addresses that a string with `${}` names: var.x, local.x, data.type.name, type.name."""
    return set(_ADDRESS.findall(text)) if "${" in text else set()
