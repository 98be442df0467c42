"""What the operators' guide says of settings and accounts is what the code has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.configuration import FILES, parsed
from deploy.roots import all_variables
from usher_shared.cloud import SERVICES

ROOT = Path(__file__).resolve().parents[2]
GUIDE = (ROOT / "docs/guides/google-cloud.md").read_text()
TABLE = ROOT / "deploy/gcp/settings_table.py"


def test_the_table_of_settings_is_current() -> None:
    done = subprocess.run([sys.executable, TABLE, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", ["", *SERVICES])
def test_every_variable_has_its_row(service: str) -> None:
    for variable in all_variables()[service]:
        assert f"| `{variable}` |" in GUIDE


def test_every_variable_of_terraform_is_named() -> None:
    for block in (block for path in FILES for block in parsed(path).get("variable", [])):
        for name in block:
            assert f"`{name}`" in GUIDE, name


def test_every_alert_is_explained() -> None:
    for path in FILES:
        for block in parsed(path).get("resource", []):
            for body in block.get("google_monitoring_alert_policy", {}).values():
                assert body["display_name"].removeprefix("Usher: ") in GUIDE
