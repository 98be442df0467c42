"""ArtifactStore in a Cloud Storage bucket, over google-cloud-storage and its JSON API.

Every write carries a generation precondition, so that repeating it is safe (Google's "conditionally idempotent",
https://cloud.google.com/storage/docs/retry-strategy): where the caller expects none, the one that was just read.
A repeated put whose first answer was lost meets its own object and 412; it knows itself by the id that it wrote.
Content goes up and down in blocks, checked by the library's CRC32C and by our SHA-256 in the object's metadata.
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud.storage import Client
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY

from usher_shared.artifacts.files import copy_hashed, opened, replacing, require_hash
from usher_shared.artifacts.ports import (
    Artifact,
    ArtifactCorrupt,
    Content,
    PreconditionFailed,
    check_name,
    check_prefix,
    is_name,
)
from usher_shared.errors import NotFound, Unavailable, UpstreamFailed

_CHUNK = 16 << 20  # bytes of a resumable upload in memory; a multiple of 256 KiB
_TIMEOUT = (5.0, 60.0)  # seconds to connect, seconds of silence
_RETRY = DEFAULT_RETRY.with_timeout(120.0)
_ATTEMPTS = 8  # at an object that others keep replacing
_HASH, _PUT = "usher-sha256", "usher-put"
_AWAY = (
    api.ServerError,
    api.TooManyRequests,
    api.RetryError,
    requests.RequestException,
    auth.TransportError,
    ConnectionError,
)


class GcsArtifactStore:
    """In `bucket`, whose name has no `gs://`. The client is made by the first call, in its thread."""

    def __init__(self, bucket: str, *, connect: Callable[[], Any] = Client) -> None:
        self._name = bucket
        self._connect = connect
        self._connecting = threading.Lock()
        self._client: Any = None

    async def put(self, name: str, content: Content, *, if_generation_match: int | None = None) -> Artifact:
        return await asyncio.to_thread(self._put, check_name(name), content, if_generation_match)

    async def get(
        self, name: str, target: Path, *, sha256: str | None = None, if_generation_match: int | None = None
    ) -> Artifact:
        return await asyncio.to_thread(self._get, check_name(name), target, sha256, if_generation_match)

    async def stat(self, name: str) -> Artifact:
        return await asyncio.to_thread(self._stat, check_name(name))

    async def list(self, prefix: str = "") -> Sequence[Artifact]:
        return await asyncio.to_thread(self._list, check_prefix(prefix))

    async def delete(self, name: str, *, if_generation_match: int | None = None) -> None:
        await asyncio.to_thread(self._delete, check_name(name), if_generation_match)

    async def ping(self) -> None:
        await asyncio.to_thread(self._ping)

    async def close(self) -> None:
        if self._client is not None:
            await asyncio.to_thread(self._client.close)

    def _bucket(self) -> Any:
        with self._connecting:
            if self._client is None:
                self._client = self._connect()
            return self._client.bucket(self._name)

    def _put(self, name: str, content: Content, expected: int | None) -> Artifact:
        with opened(content) as source:
            size, sha256 = copy_hashed(source)
        metadata = {_HASH: sha256, _PUT: uuid.uuid4().hex}
        with _errors(name):
            bucket = self._bucket()
            for _ in range(_ATTEMPTS):
                generation = _generation(self._blob(bucket, name)) if expected is None else expected
                blob = bucket.blob(name, chunk_size=_CHUNK)
                blob.metadata = metadata
                try:
                    with opened(content) as source:
                        blob.upload_from_file(
                            source,
                            size=size,
                            content_type="application/octet-stream",
                            if_generation_match=generation,
                            checksum="auto",
                            timeout=_TIMEOUT,
                            retry=_RETRY,
                        )
                    return Artifact(name, int(blob.generation), size, sha256)
                except api.PreconditionFailed:
                    found = self._blob(bucket, name)
                    if found is not None and (found.metadata or {}).get(_PUT) == metadata[_PUT]:
                        return _artifact(found)
                    if expected is not None:
                        raise _unexpected(name, found, expected) from None
        raise Unavailable(f"others keep replacing {name}")

    def _get(self, name: str, target: Path, sha256: str | None, expected: int | None) -> Artifact:
        with _errors(name):
            bucket = self._bucket()
            for _ in range(_ATTEMPTS):
                blob = self._blob(bucket, name)
                if blob is None:
                    raise NotFound(f"no artifact {name}")
                if expected is not None and _generation(blob) != expected:
                    raise _unexpected(name, blob, expected)
                found = _artifact(blob)
                try:
                    with replacing(target) as sink:  # the blob carries the generation that was looked at
                        blob.download_to_file(sink, raw_download=True, checksum="auto", timeout=_TIMEOUT, retry=_RETRY)
                        sink.seek(0)
                        size, actual = copy_hashed(sink)
                        require_hash(name, actual, found.sha256, sha256)
                except api.NotFound:
                    continue  # replaced between the two: look again
                return Artifact(name, found.generation, size, actual)
        raise Unavailable(f"others keep replacing {name}")

    def _stat(self, name: str) -> Artifact:
        with _errors(name):
            blob = self._blob(self._bucket(), name)
        if blob is None:
            raise NotFound(f"no artifact {name}")
        return _artifact(blob)

    def _list(self, prefix: str) -> Sequence[Artifact]:
        with _errors(prefix):
            blobs = self._bucket().list_blobs(
                prefix=prefix or None,
                fields="items(name,generation,size,metadata),nextPageToken",
                timeout=_TIMEOUT,
                retry=_RETRY,
            )
            return [_artifact(blob) for blob in blobs if is_name(blob.name)]

    def _delete(self, name: str, expected: int | None) -> None:
        with _errors(name):
            bucket = self._bucket()
            for _ in range(_ATTEMPTS):
                blob = self._blob(bucket, name)
                if blob is None:
                    return
                if expected is not None and _generation(blob) != expected:
                    raise _unexpected(name, blob, expected)
                try:
                    bucket.delete_blob(name, if_generation_match=_generation(blob), timeout=_TIMEOUT, retry=_RETRY)
                except api.NotFound:
                    return
                except api.PreconditionFailed:
                    continue  # replaced between the two: look again
                return
        raise Unavailable(f"others keep replacing {name}")

    def _ping(self) -> None:
        with _errors(""):  # what a reader of the bucket may do
            next(iter(self._bucket().list_blobs(max_results=1, fields="items(name)", timeout=2.0, retry=None)), None)

    def _blob(self, bucket: Any, name: str) -> Any:
        """The live object, None without one."""
        return bucket.get_blob(name, timeout=_TIMEOUT, retry=_RETRY)


def _generation(blob: Any) -> int:
    return 0 if blob is None else int(blob.generation)


def _artifact(blob: Any) -> Artifact:
    return Artifact(blob.name, int(blob.generation), int(blob.size), (blob.metadata or {}).get(_HASH))


def _unexpected(name: str, blob: Any, expected: int) -> PreconditionFailed:
    return PreconditionFailed(f"{name} is at generation {_generation(blob)}, not {expected}")


@contextmanager
def _errors(name: str) -> Iterator[None]:
    try:
        yield
    except DataCorruption as error:
        raise ArtifactCorrupt(f"{name} did not arrive as it is stored") from error
    except _AWAY as error:
        raise Unavailable(f"Cloud Storage does not answer: {type(error).__name__}") from error
    except (api.GoogleAPICallError, auth.GoogleAuthError) as error:
        raise UpstreamFailed(f"Cloud Storage refused: {type(error).__name__}") from error
