"""`usher model batch` in this process."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
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


def test_a_batch_goes_on_with_its_own_model_alone(source: Path, tmp_path: Path) -> None:
    asyncio.run(lay_out(tmp_path / "release", tmp_path / "nothing"))
    given = ["model", "batch", str(source), str(tmp_path / "out.jsonl")]
    part = tmp_path / "out.jsonl.part"
    written = {"instance": json.loads(source.read_text().splitlines()[0]), "prediction": {"response": "Hello!"}}
    part.write_text(before := json.dumps(written) + "\n")
    part.with_name("out.jsonl.part.by").write_text('{"made_by":"tiny v1"}\n')

    def invoke(*more: str) -> tuple[int, str]:
        ended = CliRunner().invoke(app, [*given, *more])
        return ended.exit_code, " ".join(ended.output.split())

    code, said = invoke()
    assert code == 1
    assert "was begun by tiny v1 and cannot go on with usher-playbook" in said
    assert part.read_text() == before
    code, said = invoke("--release", str(tmp_path / "release"))
    assert code == 0
    assert "3 lines answered, 1 of them by an earlier run" in said
    assert sorted(each.name for each in tmp_path.glob("out*")) == ["out.jsonl"]


def test_a_batch_without_any_answer_is_a_failure(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"model": "another", "messages": [{"role": "user", "content": "hello"}]}) + "\n")
    for _ in range(2):  # written, and found written
        ended = CliRunner().invoke(app, ["model", "batch", str(source), str(target), "--json"])
        assert ended.exit_code == 1
        assert json.loads(ended.stdout.splitlines()[0])["failed"] == 1
        assert "every line failed" in ended.stderr
    source.write_text("")
    nothing = CliRunner().invoke(app, ["model", "batch", str(source), str(tmp_path / "nothing.jsonl")])
    assert nothing.exit_code == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_batch_that_is_stopped_says_how_far_it_came(number: signal.Signals, tmp_path: Path) -> None:
    source, part = tmp_path / "in.jsonl", tmp_path / "out.jsonl.part"
    # so many that it is at work for minutes: the signal never comes too late
    source.write_text((json.dumps({"messages": [{"role": "user", "content": "hello"}]}) + "\n") * 300_000)
    program = "from usher_local.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "model", "batch", str(source), str(tmp_path / "out.jsonl")],
        env=os.environ | {"USHER_HOME": str(tmp_path / "home")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not part.exists() or part.read_bytes().count(b"\n") < 10:
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    found = re.search(r"stopped at (\d+) of 300000 lines; the same command goes on from here\s*$", said)
    assert found, said
    assert int(found[1]) == part.read_bytes().count(b"\n")
