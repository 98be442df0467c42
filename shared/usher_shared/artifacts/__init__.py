"""Artifacts: large named files with generations. Adapters: `artifacts.folder`, `artifacts.gcs`."""

from usher_shared.artifacts.ports import (
    Artifact,
    ArtifactCorrupt,
    ArtifactStore,
    Content,
    PreconditionFailed,
    check_name,
    check_prefix,
)

__all__ = [
    "Artifact",
    "ArtifactCorrupt",
    "ArtifactStore",
    "Content",
    "PreconditionFailed",
    "check_name",
    "check_prefix",
]
