"""`usher model batch` in this process."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bare_releases import lay_out
from usher_local.cli import app


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "in.jsonl"
    lines = [{"messages": [{"role": "user", "content": "hello"}]}, {"request": {"messages": []}}, {"messages": 7}]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def test_every_line_is_answered(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    first = CliRunner().invoke(app, ["model", "batch", str(source), str(target), "--json"])
    assert first.exit_code == 0, first.output
    ended = json.loads(first.stdout.splitlines()[-1])
    assert (ended["done"], ended["failed"], ended["resumed"]) == (3, 2, 0)
    said, refused, wrong = map(json.loads, target.read_text().splitlines())
    assert said["prediction"]["model"] == "usher-playbook"
    assert refused["status"]
    assert wrong["error"]["code"] == 3
    again = CliRunner().invoke(app, ["model", "batch", str(source), str(target)])
    assert "3 lines answered, 3 of them by an earlier run; 2 failed" in again.output.replace("\n", "")


async def test_a_release_in_a_folder_answers(source: Path, tmp_path: Path) -> None:
    await lay_out(tmp_path / "release", tmp_path / "nothing")
    target = tmp_path / "out.jsonl"
    given = ["model", "batch", str(source), str(target), "--release", str(tmp_path / "release")]

    def invoke() -> None:
        ended = CliRunner().invoke(app, given)
        assert ended.exit_code == 0, ended.output

    await asyncio.to_thread(invoke)
    assert json.loads(target.read_text().splitlines()[0])["prediction"]["model_version"] == "v1"
