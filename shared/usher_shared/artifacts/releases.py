"""Releases of models in an ArtifactStore: `releases/<version>/` with the metadata and the files that it names.

A release is published once and never changed: its files first, its metadata last. So what can be seen is whole, and
what a crash left behind cannot be seen.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from usher_shared.artifacts.files import copy_hashed
from usher_shared.artifacts.ports import (
    Artifact,
    ArtifactCorrupt,
    ArtifactStore,
    PreconditionFailed,
    check_name,
    is_name,
)
from usher_shared.contracts.releases import METADATA_FILE, RELEASES_PREFIX, Release, ReleaseFile, metadata_digest
from usher_shared.errors import Conflict, InvalidRequest, NotFound, Unprocessable
from usher_shared.events.envelope import describe

_LARGEST_METADATA = 8 << 20  # bytes
_AT_ONCE = 4  # files of a release that are fetched beside each other: a model's weights are several
# .py is code, and pickles, as torch's .bin are, run code when loaded: https://docs.python.org/3/library/pickle.html
_CODE = frozenset({".py", ".pyc", ".so", ".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".bin"})


@dataclass(frozen=True, slots=True)
class Shelf:
    """The releases that are there, the newest first (by time, then by commit), and why others cannot be read."""

    releases: Sequence[Release]
    broken: dict[str, str] = field(default_factory=dict)  # version: reason


class Releases:
    """Reads and publishes; metadata that was read once is kept, for it cannot change."""

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._known: dict[tuple[str, int], Release | str] = {}

    async def all(self) -> Shelf:
        """Raises Unavailable when the store does not answer."""
        ending = f"/{METADATA_FILE}"
        found = [
            a for a in await self._store.list(RELEASES_PREFIX) if a.name.endswith(ending) and a.name.count("/") == 2
        ]
        read = {artifact.name.split("/")[1]: await self._read(artifact) for artifact in found}
        releases = [each for each in read.values() if isinstance(each, Release)]
        releases.sort(key=lambda release: (release.created_at, release.commit, release.version), reverse=True)
        return Shelf(releases, {version: why for version, why in read.items() if isinstance(why, str)})

    async def named(self, version: str) -> Release:
        """Raises NotFound, Unprocessable (its metadata is not right) and Unavailable."""
        try:
            found = await self._read(await self._store.stat(_place(version, METADATA_FILE)))
        except (NotFound, InvalidRequest) as error:
            raise NotFound(f"there is no release {version[:128]}", code="release_not_found") from error
        if isinstance(found, str):
            raise Unprocessable(f"release {version}: {found}", code="release_invalid")
        return found

    async def fetch(self, release: Release, folder: Path) -> int:
        """As `fetch_files`, from the store. Raises also NotFound (a file is not there) and Unavailable."""

        async def load(file: ReleaseFile, target: Path) -> None:
            await self._store.get(_place(release.version, file.path), target, sha256=file.sha256)

        return await fetch_files(release, folder, load)

    async def export(self, version: str, folder: Path) -> Release:
        """Its files, every one hashed, in `folder` and nothing else; then its metadata, as it was published, beside.

        Raises as `named` and `fetch` do.
        """
        release = await self.named(version)
        await self.fetch(release, folder)
        await self._store.get(_place(version, METADATA_FILE), folder / METADATA_FILE)
        return release

    async def publish(self, release: Release, folder: Path) -> Release:
        """Put the folder's files and then the metadata, sealed, with their sizes and hashes.

        Repeating it after an interruption goes on where it stopped. Raises Conflict for a version that is published
        with other content, and Unprocessable for files that may not be in a release.
        """
        paths = await asyncio.to_thread(_files_of, folder)
        files = [await asyncio.to_thread(_described, folder, path) for path in paths]
        sealed = release.model_copy(update={"files": files}).sealed()
        check_safe(sealed)
        if await self._is_published(sealed):
            return sealed
        for each in files:
            await self._put(_place(sealed.version, each.path), folder / each.path, each.sha256)
        content = sealed.model_dump_json(indent=2).encode() + b"\n"
        try:
            await self._store.put(_place(sealed.version, METADATA_FILE), content, if_generation_match=0)
        except PreconditionFailed:
            await self._is_published(sealed)
        return sealed

    async def _is_published(self, release: Release) -> bool:
        """Raises Conflict when it is, with other content."""
        try:
            found = await self.named(release.version)
        except NotFound:
            return False
        if found.sha256 != release.sha256:
            raise Conflict(
                f"release {release.version} is published already, and is never changed", code="release_exists"
            )
        return True

    async def _put(self, name: str, file: Path, sha256: str) -> None:
        try:
            await self._store.put(name, file, if_generation_match=0)
        except PreconditionFailed as error:
            if (await self._store.stat(name)).sha256 != sha256:
                raise Conflict(f"{name} is stored already, with other content", code="release_exists") from error

    async def _read(self, artifact: Artifact) -> Release | str:
        key = (artifact.name, artifact.generation)
        if key not in self._known:
            self._known[key] = await self._parse(artifact)
        return self._known[key]

    async def _parse(self, artifact: Artifact) -> Release | str:
        if artifact.size > _LARGEST_METADATA:
            return f"its metadata has {artifact.size} bytes"
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, "metadata")
            try:
                await self._store.get(artifact.name, target)
            except ArtifactCorrupt as error:
                return error.detail
            content = await asyncio.to_thread(target.read_bytes)
        return parse_metadata(content, artifact.name.split("/")[1])


async def fetch_files(release: Release, folder: Path, load: Callable[[ReleaseFile, Path], Awaitable[object]]) -> int:
    """Has the release's files in `folder`, and nothing else; every byte is hashed. How many were loaded.

    What is there and right stays; what is missing or wrong is loaded again, by `load` to the path that it is given
    (its folder exists). Raises Unprocessable for files that may not be in a release, ArtifactCorrupt for those that
    are not the release's, and what `load` raises.
    """
    check_safe(release)
    await asyncio.to_thread(_clear_others, folder, frozenset(each.path for each in release.files))
    room = asyncio.Semaphore(_AT_ONCE)

    async def fetch(file: ReleaseFile) -> bool:
        target = folder / file.path
        async with room:
            if await asyncio.to_thread(_is_right, target, file):
                return False
            await asyncio.to_thread(target.parent.mkdir, parents=True, exist_ok=True)
            await load(file, target)
            if not await asyncio.to_thread(_is_right, target, file):
                raise ArtifactCorrupt(f"{file.path} of release {release.version} is not what was released")
            return True

    fetching = [asyncio.create_task(fetch(each)) for each in release.files]
    try:
        return sum(await asyncio.gather(*fetching))
    finally:  # where one failed, the others need not go on
        for task in fetching:
            task.cancel()
        await asyncio.gather(*fetching, return_exceptions=True)


def parse_metadata(content: bytes, version: str) -> Release | str:
    """The release, or what is wrong with its metadata: not readable, of another version, or not what was sealed."""
    try:
        release = Release.model_validate_json(content)
    except ValidationError as error:
        return f"its metadata cannot be read: {describe(error)}"
    if release.version != version:
        return f"its metadata says version {release.version}"
    if release.sha256 != metadata_digest(json.loads(content)):
        return "its metadata does not have the hash that it was sealed with"
    return release


def check_safe(release: Release) -> None:
    """Raises Unprocessable for files that are code when they are loaded, or lie outside of the release's folder.

    So does what the release would load beside them: its template has to be one of them, its adapter a folder of some.
    """
    for each in release.files:
        path = PurePosixPath(each.path)
        if not is_name(each.path) or each.path == METADATA_FILE:
            raise Unprocessable(f"a release cannot have a file {each.path!r}", code="release_invalid")
        if path.suffix.lower() in _CODE:
            raise Unprocessable(
                f"a release may not have {each.path}: it can run code when it is loaded (use safetensors)",
                code="release_unsafe",
            )
    if len({each.path for each in release.files}) != len(release.files):
        raise Unprocessable("a release names a file twice", code="release_invalid")
    paths = [PurePosixPath(each.path) for each in release.files]
    if release.chat_template is not None and PurePosixPath(release.chat_template) not in paths:
        raise Unprocessable("a release's chat template has to be among its files", code="release_invalid")
    if release.adapter is not None and not any(PurePosixPath(release.adapter) in path.parents for path in paths):
        raise Unprocessable("a release's adapter has to be a folder among its files", code="release_invalid")


def _place(version: str, path: str) -> str:
    return check_name(f"{RELEASES_PREFIX}{version}/{path}")


def _files_of(folder: Path) -> list[str]:
    """Relative paths; hidden files, and metadata from before, are left out."""
    found = (each.relative_to(folder) for each in folder.rglob("*") if each.is_file())
    return sorted(
        path.as_posix()
        for path in found
        if path.as_posix() != METADATA_FILE and not any(part.startswith(".") for part in path.parts)
    )


def _described(folder: Path, path: str) -> ReleaseFile:
    try:
        with (folder / path).open("rb") as source:
            size, sha256 = copy_hashed(source)
        return ReleaseFile(path=path, size=size, sha256=sha256)
    except ValidationError as error:
        raise Unprocessable(f"a release cannot have a file {path!r}", code="release_invalid") from error


def _is_right(target: Path, wanted: ReleaseFile) -> bool:
    if target.is_symlink() or not target.is_file() or target.stat().st_size != wanted.size:
        return False
    with target.open("rb") as source:
        return copy_hashed(source)[1] == wanted.sha256


def _clear_others(folder: Path, wanted: frozenset[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for each in folder.rglob("*"):
        if (each.is_file() or each.is_symlink()) and each.relative_to(folder).as_posix() not in wanted:
            each.unlink()
