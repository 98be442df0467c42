"""Releases as they lie under one address: the metadata and the files that it names."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from usher_shared.artifacts.folder import FolderArtifactStore
from usher_shared.artifacts.releases import Releases
from usher_shared.contracts.releases import METADATA_FILE, Release, SmokeCase

HELLO = SmokeCase(messages=[{"role": "user", "content": "hello"}])


async def lay_out(target: Path, source: Path, **said: Any) -> Release:
    """Seal the files of `source` and put them, with their metadata, into `target`."""
    about: dict[str, Any] = {
        "version": "v1",
        "model": "tiny",
        "engine": "playbook",
        "created_at": datetime(2026, 11, 21, tzinfo=UTC),
        "smoke": [HELLO],
    }
    store = FolderArtifactStore(target.with_name(f"{target.name}.store"))
    release = await Releases(store).publish(Release.model_validate(about | said), source)
    _write(release, source, target)
    return release


def _write(release: Release, source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for each in release.files:
        (target / each.path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / each.path, target / each.path)
    (target / METADATA_FILE).write_text(release.model_dump_json())
