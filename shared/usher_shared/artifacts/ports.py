"""The ArtifactStore port: large files by name, each put a new generation.

Semantics that every adapter keeps (tests/contracts/artifacts):

* An artifact appears whole or not at all, together with its hash; who reads while it is replaced gets the old one
  or the new one. What `put` has answered survives a crash.
* A generation is a positive number, larger with every put of a name, never used twice. It is Cloud Storage's
  (https://cloud.google.com/storage/docs/generations-preconditions).
* `if_generation_match` makes an operation happen only while the name is at that generation; 0: while there is none.
  Of several that expect the same generation, one succeeds. Without it, the last put wins.
* Content never lies in memory whole, however large the file is (bytes that the caller holds aside).
* Names are relative paths of letters, digits and `._=+-`, no segment starting with a dot; anything else is
  InvalidRequest. So a name never leads out of the store.
* Unavailable: the store does not answer; the operation may be repeated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from usher_shared.errors import InvalidRequest, UpstreamFailed, UsherError

Content = bytes | Path
_NAME = re.compile(r"[A-Za-z0-9_=+-][A-Za-z0-9._=+-]{0,127}(/[A-Za-z0-9_=+-][A-Za-z0-9._=+-]{0,127})*")
_MOST = 512  # characters of a name


class PreconditionFailed(UsherError):
    """The artifact is not at the generation that was expected. Nothing was changed."""

    code, http_status = "precondition_failed", 412


class ArtifactCorrupt(UpstreamFailed):
    """The bytes do not have the hash that they were stored with, or that the caller expects."""

    code = "artifact_corrupt"


@dataclass(frozen=True, slots=True)
class Artifact:
    """`size` in bytes; `sha256` in hexadecimal, None for one that another program stored without it."""

    name: str
    generation: int
    size: int
    sha256: str | None


class ArtifactStore(Protocol):
    async def put(self, name: str, content: Content, *, if_generation_match: int | None = None) -> Artifact:
        """Store bytes, or a file's content, under `name`. Raises PreconditionFailed."""
        ...

    async def get(
        self, name: str, target: Path, *, sha256: str | None = None, if_generation_match: int | None = None
    ) -> Artifact:
        """Write the artifact to the file `target`, checked by its hash, and by `sha256` if given.

        `target` appears whole (its folder exists) or stays as it was. The answer always has the hash.
        Raises NotFound, ArtifactCorrupt, PreconditionFailed.
        """
        ...

    async def stat(self, name: str) -> Artifact:
        """Raises NotFound."""
        ...

    async def list(self, prefix: str = "") -> Sequence[Artifact]:
        """Those whose name starts with `prefix`, by name."""
        ...

    async def delete(self, name: str, *, if_generation_match: int | None = None) -> None:
        """Remove; nothing happens if there is none. Raises PreconditionFailed when another generation is there."""
        ...

    async def ping(self) -> None:
        """Return if the store answers; raise otherwise."""
        ...

    async def close(self) -> None: ...


def is_name(name: str) -> bool:
    return len(name) <= _MOST and _NAME.fullmatch(name) is not None


def check_name(name: str) -> str:
    """The name. Raises InvalidRequest for one that is not allowed."""
    if not is_name(name):
        raise InvalidRequest(f"no artifact can be named {name[:100]!r}", code="artifact_name")
    return name


def check_prefix(prefix: str) -> str:
    """The prefix, if a name can start with it. Raises InvalidRequest otherwise."""
    if prefix:
        check_name(prefix + "x")
    return prefix
