"""`usher knowledge`: built, searched and counted from the command line, without a running stack."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from usher_local.cli import app
from usher_local.stack import create_stack
from usher_shared.errors import InvalidRequest, UsherError


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    create_stack(tmp_path / "home", {})
    monkeypatch.setenv("USHER_HOME", str(tmp_path / "home"))
    folder = tmp_path / "documents"
    (folder / "venues" / "hall").mkdir(parents=True)
    (folder / "venues" / "hall" / "bags.md").write_text("# Bags\n\nBackpacks are [bold]not[/] allowed\x1b[2J.\n")
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["knowledge", *arguments])


def test_what_was_built_is_found_at_once(documents: Path) -> None:
    assert "There is no index yet" in run("stats").output
    assert "Nothing is known" in run("search", "backpacks allowed").output
    built = run("build", str(documents))
    assert built.exit_code == 0, built.output
    assert "1 added, 0 changed, 0 removed, 0 unchanged; 1 passages indexed." in built.output
    found = run("search", "are backpacks allowed", "--venue", "hall")
    assert "[bold]not[/]" in found.output  # the documents' own brackets are no markup
    assert "\x1b[2J" not in found.output
    assert "hall" in found.output
    assert "Nothing is known" in run("search", "are backpacks allowed", "--venue", "dome").output
    assert "1 documents, 1 passages" in run("stats").output


def test_every_answer_can_be_had_as_json(documents: Path) -> None:
    built = json.loads(run("build", str(documents), "--json").output)
    assert built["added"] == ["venues/hall/bags.md"]
    (passage,) = json.loads(run("search", "are backpacks allowed", "--json").output)["passages"]
    assert passage["venue_id"] == "hall"
    assert json.loads(run("stats", "--json").output)["by_venue"] == {"hall": 1}


def test_a_document_that_cannot_be_read_is_named_and_the_exit_code_says_so(documents: Path) -> None:
    (documents / "notes.md").write_text("---\nexpires: whenever\n---\nText.\n")
    (documents / "logo.png").write_bytes(b"png")
    built = run("build", str(documents))
    assert built.exit_code == 1
    assert "notes.md" in built.output
    assert "1 added" in built.output
    (documents / "notes.md").unlink()
    again = run("build", str(documents))
    assert again.exit_code == 0
    assert "logo.png" in again.output


def test_the_sample_is_what_is_built_without_a_folder(documents: Path) -> None:
    assert run("build").exit_code == 0
    assert "Source" not in run("search", "is vaping ok", "--venue", "lakefront-arena").output
    assert "smoke-free" in run("search", "is vaping ok", "--venue", "lakefront-arena").output


@pytest.mark.parametrize("arguments", [("build", "/no/such/folder"), ("search", "x", "--category", "weather")])
def test_what_makes_no_sense_is_refused_in_a_sentence(documents: Path, arguments: tuple[str, ...]) -> None:
    refused = run(*arguments)
    assert isinstance(refused.exception, InvalidRequest)


def test_without_a_stack_it_is_said_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USHER_HOME", str(tmp_path / "nothing"))
    refused = run("stats")
    assert isinstance(refused.exception, UsherError)
    assert "usher up" in refused.exception.detail
