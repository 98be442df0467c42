"""`usher model publish` and `export` in this process, with a store of their own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from usher_inference.adapters.bare_release import BareRelease
from usher_local.cli import app
from usher_local.stack import create_stack
from usher_shared.contracts.releases import METADATA_FILE
from usher_shared.errors import UsherError


@pytest.fixture(autouse=True)
def _store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USHER_INFERENCE_RELEASES_FOLDER", str(tmp_path / "store"))
    monkeypatch.setenv("USHER_HOME", str(tmp_path / "home"))
    create_stack(tmp_path / "home", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    (made / "deep").mkdir(parents=True)
    (made / "notes.txt").write_text("notes")
    (made / "deep" / "more.txt").write_text("more")
    return made


def usher(*arguments: str) -> str:
    """What `usher model …` printed. Raises UsherError as it does."""
    done = CliRunner().invoke(app, ["model", *arguments])
    if isinstance(done.exception, UsherError):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def publish(folder: Path, version: str = "v1") -> None:
    usher("publish", str(folder), "--model", "tiny", "--engine", "playbook", "--version", version)


def test_an_export_is_a_bare_release(folder: Path, tmp_path: Path) -> None:
    publish(folder)
    target = tmp_path / "out"
    usher("export", "v1", str(target))
    found = {file.relative_to(target).as_posix() for file in target.rglob("*") if file.is_file()}
    assert found == {"notes.txt", "deep/more.txt", METADATA_FILE}
    source = BareRelease(str(target))
    release = asyncio.run(source.read())
    assert (release.version, release.model) == ("v1", "tiny")
    assert asyncio.run(source.fetch(release, tmp_path / "fetched")) == 2


def test_an_export_is_of_what_is_right_into_a_folder_of_its_own(folder: Path, tmp_path: Path) -> None:
    publish(folder)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsherError, match="is not empty"):
        usher("export", "v1", str(tmp_path / "full"))
    assert (tmp_path / "full" / "mine.txt").read_text() == "mine"
    with pytest.raises(UsherError, match="there is no release v9"):
        usher("export", "v9", str(tmp_path / "out"))
    [stored] = (tmp_path / "store" / "releases" / "v1" / "notes.txt@").iterdir()
    stored.write_bytes(b"rotten")
    with pytest.raises(UsherError):
        usher("export", "v1", str(tmp_path / "out"))
    assert not (tmp_path / "out" / METADATA_FILE).exists()


def test_publishing_says_what_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(UsherError, match="--model"):
        usher("publish", str(folder))
    with pytest.raises(UsherError, match=r"has no model: neither genai_config\.json"):
        usher("publish", str(folder), "--model", "tiny")
    (folder / "config.json").write_text("{}")
    with pytest.raises(UsherError, match=r"of the kind transformers: it has no tokenizer\.json, no \*\.safetensors"):
        usher("publish", str(folder), "--model", "tiny")
    with pytest.raises(UsherError, match=r"of the kind onnx: it has no genai_config\.json"):
        usher("publish", str(folder), "--model", "tiny", "--engine", "onnx")
    (folder / METADATA_FILE).write_text(json.dumps({"engine": "playbook", "model": "tiny"}))
    assert "published" in usher("publish", str(folder))
