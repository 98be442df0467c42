"""Files stay small, and nothing in the tree belongs to one machine."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def _tracked(*patterns: str) -> list[Path]:
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [ROOT / line for line in listed if (ROOT / line).is_file()]


def test_no_python_file_is_longer_than_500_lines() -> None:
    lengths = {path.relative_to(ROOT): len(path.read_text("utf-8").splitlines()) for path in _tracked("*.py")}
    assert not {path: length for path, length in lengths.items() if length > 500}


def test_our_own_modules_are_not_patched() -> None:
    needles = ["mock." + "patch", "mocker." + "patch", 'monkeypatch.setattr("' + "usher"]
    found = [path for path in _tracked("*.py") if any(needle in path.read_text("utf-8") for needle in needles)]
    assert not found


def test_no_path_of_a_home_folder() -> None:
    needles = ["/ro" + "ot/", "/home/" + "user", "/wo" + "rk/"]
    found = [
        p for p in _tracked("*.py", "*.toml", "*.md", "Makefile") if any(n in p.read_text("utf-8") for n in needles)
    ]
    assert not found
