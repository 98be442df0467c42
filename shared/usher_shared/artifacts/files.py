"""Files read and written in blocks, hashed on the way."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from usher_shared.artifacts.ports import ArtifactCorrupt, Content

_BLOCK = 1 << 20  # bytes


def opened(content: Content) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def copy_hashed(source: BinaryIO, sink: BinaryIO | None = None) -> tuple[int, str]:
    """Copy to the end (without a sink only read). Size in bytes and SHA-256 in hexadecimal."""
    digest, size = hashlib.sha256(), 0
    while block := source.read(_BLOCK):
        digest.update(block)
        size += len(block)
        if sink is not None:
            sink.write(block)
    return size, digest.hexdigest()


def require_hash(name: str, actual: str, *wanted: str | None) -> None:
    """Raises ArtifactCorrupt unless `actual` is every hash that is wanted."""
    for each in wanted:
        if each is not None and each != actual:
            raise ArtifactCorrupt(f"{name} has the hash {actual}, not {each}")


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `target` when the block ends well, and vanishes otherwise."""
    handle, part = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    try:
        with os.fdopen(handle, "w+b") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        os.replace(part, target)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise
