"""bqemulator without time travel: `python serve.py start ...` takes bqemulator's own arguments.

It copies a table whole after every append, for `FOR SYSTEM_TIME AS OF`, which Usher never asks for: with each event the
next append would take longer.
"""

from typing import Any

from bqemulator.cli import main
from bqemulator.versioning.snapshots import SnapshotManager

_capture = SnapshotManager.capture


def _capture_asked_for(self: Any, *table: str, kind: str = "AUTO") -> Any:
    return None if kind == "AUTO" else _capture(self, *table, kind=kind)


SnapshotManager.capture = _capture_asked_for
main()
