"""A release whose metadata and files lie directly under one address: a folder, or `gs://bucket/prefix`.

So Vertex AI hands a model's artifacts to its container (AIP_STORAGE_URI), from a bucket of its own.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import orjson

from usher_shared.artifacts.files import copy_hashed, replacing, require_hash
from usher_shared.artifacts.releases import fetch_files, parse_metadata
from usher_shared.contracts.releases import METADATA_FILE, Release, ReleaseFile
from usher_shared.errors import InvalidRequest, NotFound, Unprocessable

_LARGEST_METADATA = 8 << 20  # bytes
_Get = Callable[[str, Path, str | None], Awaitable[object]]  # a file's name, where it is to be, its hash


class BareRelease:
    """`address` is `gs://bucket/prefix`, `file:///folder` or a folder's path. Raises InvalidRequest for another one."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._get = _getter(address)

    async def read(self) -> Release:
        """Raises NotFound when there is no metadata, Unprocessable when it is not right, Unavailable."""
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, "metadata")
            try:
                await self._get(METADATA_FILE, target, None)
            except NotFound as error:
                raise NotFound(f"there is no {METADATA_FILE} at {self._address}", code="release_not_found") from error
            content = await asyncio.to_thread(_read_small, target)
        found = parse_metadata(content, _version_in(content))
        if isinstance(found, str):
            raise Unprocessable(f"the release at {self._address}: {found}", code="release_invalid")
        return found

    async def fetch(self, release: Release, folder: Path) -> int:
        """Has the release's files, and nothing else, in `folder`, every byte hashed. How many had to be loaded.

        Raises ArtifactCorrupt, NotFound, Unprocessable (files that may not be in a release) and Unavailable.
        """

        async def load(file: ReleaseFile, target: Path) -> None:
            await self._get(file.path, target, file.sha256)

        return await fetch_files(release, folder, load)


def _getter(address: str) -> _Get:
    parts = urlsplit(address)
    if parts.scheme == "gs" and parts.netloc:
        return _from_bucket(parts.netloc, unquote(parts.path).strip("/"))
    if parts.scheme == "file" and not parts.netloc:
        return _from_folder(Path(unquote(parts.path)))
    if not parts.scheme:
        return _from_folder(Path(address))
    raise InvalidRequest(
        f"a release lies in gs://bucket/prefix or in a folder, not at {address}", code="release_address"
    )


def _from_bucket(bucket: str, prefix: str) -> _Get:
    from usher_shared.artifacts.gcs import GcsArtifactStore  # google-cloud-storage, for those who have one

    store = GcsArtifactStore(bucket)

    async def get(name: str, target: Path, sha256: str | None) -> object:
        return await store.get(f"{prefix}/{name}" if prefix else name, target, sha256=sha256)

    return get


def _from_folder(folder: Path) -> _Get:
    def copy(name: str, target: Path, sha256: str | None) -> None:
        try:
            with (folder / name).open("rb") as source, replacing(target) as sink:
                _, actual = copy_hashed(source, sink)
                require_hash(name, actual, sha256)
        except FileNotFoundError as error:
            raise NotFound(f"there is no {name} in {folder}") from error

    async def get(name: str, target: Path, sha256: str | None) -> object:
        return await asyncio.to_thread(copy, name, target, sha256)

    return get


def _read_small(path: Path) -> bytes:
    with path.open("rb") as source:
        return source.read(_LARGEST_METADATA)


def _version_in(content: bytes) -> str:
    try:
        return str(orjson.loads(content)["version"])
    except (ValueError, LookupError, TypeError):
        return ""
