"""The programs of the inference service load no library of models before a model asks for it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

HEAVY = {
    "torch",
    "transformers",
    "numpy",
    "onnxruntime",
    "tokenizers",
    "llguidance",
    "sqlglot",
    "google.cloud.storage",
    "google.genai",
    "httpx",
}
VERTEX = """
import asyncio
from usher_inference import on_vertex
from usher_inference.adapters.bare_release import BareRelease
from usher_inference.metrics import Metrics
from usher_inference.one_release import one_release
from usher_inference.settings import Settings
from usher_inference.vertex.app import VertexDeps, create_vertex_app
from usher_shared.clock import SystemClock
from usher_shared.ids import UlidGenerator
load = lambda: one_release(None, Settings(), Metrics(), SystemClock())
create_vertex_app(Settings(), "/h", "/p", VertexDeps(load, print, SystemClock(), UlidGenerator()))
"""
BATCH = """
import asyncio, pathlib, sys, tempfile
from usher_inference.batches import __main__ as program
folder = pathlib.Path(tempfile.mkdtemp())
(folder / "in").write_text('{"messages": [{"role": "user", "content": "hello"}]}')
sys.argv = ["batches", str(folder / "in"), str(folder / "out")]
program.main()
assert "Hello" in (folder / "out").read_text()
"""


@pytest.mark.parametrize("program", [VERTEX, BATCH], ids=["on_vertex", "batches"])
def test_a_program_on_the_playbook_loads_no_library_of_models(program: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", program + "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert HEAVY & set(json.loads(ended.stdout.splitlines()[-1])) == set()
