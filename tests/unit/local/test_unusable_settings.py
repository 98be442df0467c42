"""A service whose settings cannot be used says which, once, and is not started again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from usher_local.serve import UNUSABLE_SETTINGS
from usher_local.stack import create_stack, listen


@pytest.mark.parametrize(
    ("service", "name", "value", "said"),
    [
        ("agent", "USHER_AGENT_MODELS", "no json", "models: is not valid JSON"),
        ("agent", "USHER_AGENT_MODELS", '[{"kind": "unheard-of"}]', "models.0.kind"),
        ("tools", "USHER_TOOLS_QUOTE_SECONDS", "soon", "quote_seconds"),
    ],
)
def test_it_ends_with_one_line(tmp_path: Path, service: str, name: str, value: str, said: str) -> None:
    sockets = listen({service: 0})
    create_stack(tmp_path, sockets)
    for listener in sockets.values():
        listener.close()
    ended = subprocess.run(
        [sys.executable, "-m", "usher_local.serve", service],
        env={**os.environ, "USHER_HOME": str(tmp_path), name: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == UNUSABLE_SETTINGS
    assert said in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
