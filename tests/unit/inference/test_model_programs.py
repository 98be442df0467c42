"""The programs as processes: Vertex AI's container from its port on, and a batch that is killed again and again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from bare_releases import lay_out
from emulators.gcs import google_bucket
from served import free_port
from usher_inference.batches.__main__ import main as batches_program
from usher_shared.artifacts.gcs import GcsArtifactStore
from usher_shared.contracts.releases import METADATA_FILE

HELLO = [{"role": "user", "content": "hello"}]
PATIENCE_SECONDS = 60.0


def until(what: Any) -> None:
    """Returns once `what()` is true: for what another process does."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


@contextmanager
def container(**variables: str) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    port = free_port()
    said = {"AIP_HTTP_PORT": str(port), "AIP_HEALTH_ROUTE": "/health", "AIP_PREDICT_ROUTE": "/predict"} | variables
    process = subprocess.Popen(
        [sys.executable, "-m", "usher_inference.on_vertex"],
        env=os.environ | said,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as client:
            yield process, client
    finally:
        process.kill()
        process.communicate()


def health(client: httpx.Client) -> int | None:
    """The health route's status; None while the port is closed."""
    try:
        return client.get("/health").status_code
    except httpx.TransportError:
        return None


async def test_the_port_is_open_while_the_model_loads(tmp_path: Path) -> None:
    release = await lay_out(tmp_path / "release", tmp_path / "nothing")
    metadata = tmp_path / "release" / METADATA_FILE
    metadata.unlink()
    os.mkfifo(metadata)  # reading it takes until somebody writes
    with container(AIP_STORAGE_URI=str(tmp_path / "release")) as (process, client):
        until(lambda: health(client) is not None)
        assert health(client) == 503
        asked = {"instances": [{"messages": HELLO}]}
        refused = client.post("/predict", json=asked)
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_loading")
        metadata.write_text(release.model_dump_json())
        until(lambda: health(client) == 200)
        [prediction] = client.post("/predict", json=asked).json()["predictions"]
        assert prediction["response"].startswith("Hello!")
        assert (prediction["model"], prediction["model_version"]) == ("tiny", "v1")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_SECONDS)


def test_a_model_that_cannot_be_loaded_ends_the_program_with_the_reason(tmp_path: Path) -> None:
    with container(AIP_STORAGE_URI=str(tmp_path)) as (process, _):
        said, _ = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 1
        [told] = [line for line in said.splitlines() if "cannot be served" in line]
        assert f"there is no {METADATA_FILE} at {tmp_path}" in told
        assert "Traceback" not in said


def test_outside_of_vertex_the_program_does_not_start() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "usher_inference.on_vertex"],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ended.returncode == 1
    assert "predict_route: Field required" in ended.stderr


def batch(source: Path | str, target: Path | str, **variables: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "usher_inference.batches", str(source), str(target)]
    return subprocess.Popen(
        command, env=os.environ | variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def lines_of(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_batch_goes_on_after_kill_9(tmp_path: Path) -> None:
    source, target, part = tmp_path / "in.jsonl", tmp_path / "out.jsonl", tmp_path / "out.jsonl.part"
    asked = [{"messages": [{"role": "user", "content": f"hello {n}"}], "n": 1} for n in range(2000)]
    asked[5]["n"] = 2  # cannot be answered
    source.write_text("".join(json.dumps(each) + "\n" for each in asked))
    process = batch(source, target)
    until(lambda: lines_of(part) > 200)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not target.exists()
    before = lines_of(part)
    with part.open("ab") as torn:
        torn.write(b'{"instance":{"mess')
    said, _ = (process := batch(source, target)).communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    ended = json.loads(said)
    assert (ended["total"], ended["done"], ended["failed"], ended["resumed"]) == (2000, 2000, 1, before)
    written = [json.loads(line) for line in target.read_text().splitlines()]
    assert [each["instance"] for each in written] == asked
    assert [number for number, each in enumerate(written) if "error" in each] == [5]
    assert not part.exists()


def test_a_batch_that_is_interrupted_says_how_it_goes_on(tmp_path: Path) -> None:
    source, part = tmp_path / "in.jsonl", tmp_path / "out.jsonl.part"
    # so many that it is at work for minutes: the signal never comes too late
    source.write_text((json.dumps({"messages": HELLO}) + "\n") * 300_000)
    process = batch(source, tmp_path / "out.jsonl")
    until(lambda: lines_of(part) > 10)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert said.rstrip().endswith("stopped; the same command goes on from here")


async def test_a_batch_between_buckets(tmp_path: Path) -> None:
    """Stopped by SIGTERM on one machine, it is finished on another."""
    with google_bucket() as (bucket, variables):
        asked = "".join(json.dumps({"messages": HELLO, "number": number}) + "\n" for number in range(1500)).encode()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            store = GcsArtifactStore(bucket)
            await store.put("asked.jsonl", asked)
        places = (f"gs://{bucket}/asked.jsonl", f"gs://{bucket}/deep/answers.jsonl")
        scratch = [tmp_path / "one", tmp_path / "other"]
        for each in scratch:
            each.mkdir()
        first = batch(*places, **variables, TMPDIR=str(scratch[0]))
        until(lambda: any(lines_of(part) > 100 for part in scratch[0].glob("usher-batch-*/out.part")))
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=PATIENCE_SECONDS)
        assert first.returncode == 1
        [kept] = await store.list("deep/")
        assert kept.name == "deep/answers.jsonl.part"
        said, _ = (second := batch(*places, **variables, TMPDIR=str(scratch[1]))).communicate(timeout=PATIENCE_SECONDS)
        assert second.returncode == 0
        ended = json.loads(said)
        assert ended["done"] == 1500
        assert ended["resumed"] >= 100
        assert [each.name for each in await store.list("deep/")] == ["deep/answers.jsonl"]
        await store.get("deep/answers.jsonl", tmp_path / "answers")
        numbers = [json.loads(line)["instance"]["number"] for line in (tmp_path / "answers").read_bytes().splitlines()]
        assert numbers == list(range(1500))
        assert [os.listdir(each) for each in scratch] == [[], []]  # nothing is left lying about


def test_a_batch_without_any_answer_is_a_failure(tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"model": "another", "messages": HELLO}) + "\n")
    said, why = (process := batch(source, target)).communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 1
    assert json.loads(said)["failed"] == 1
    assert why.rstrip().endswith(f"every line failed: {target} says why")


@pytest.mark.parametrize(
    ("source", "said"), [("none.jsonl", "there is no file none.jsonl"), ("gs://bucket/asked", "either both files")]
)
def test_a_batch_that_cannot_begin_says_why(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["batches", source, "out.jsonl"])
    with pytest.raises(SystemExit, match=said):
        batches_program()
