"""A Cloud Storage server for tests, and what its word is worth."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulators.starting import child, unavailable
from served import HOST, free_port


@contextmanager
def gcs_server() -> Iterator[str]:
    """The URL of a server of the JSON API: STORAGE_EMULATOR_HOST, or PyPI's gcp-storage-emulator."""
    given = os.environ.get("STORAGE_EMULATOR_HOST")
    if given:
        yield given if "://" in given else f"http://{given}"
        return
    program = Path(sys.executable).with_name("gcp-storage-emulator")
    if not program.exists():
        unavailable("a Cloud Storage server", "no STORAGE_EMULATOR_HOST, and gcp-storage-emulator is not installed")
    port = free_port()
    with child([str(program), "start", "--host", HOST, "--port", str(port), "--in-memory", "--quiet"], port=port):
        yield f"http://{HOST}:{port}"


@contextmanager
def google_bucket() -> Iterator[tuple[str, dict[str, str]]]:
    """A new bucket's name, and the variables by which Google's client finds its server, also in another process."""
    with gcs_server() as url:
        name = f"bucket-{uuid.uuid4().hex[:20]}"
        make_bucket(url, name)
        yield name, {"STORAGE_EMULATOR_HOST": url, "GOOGLE_CLOUD_PROJECT": "test"}


def request(method: str, url: str, body: bytes | None = None, kind: str = "application/json") -> int:
    """The status that the server answers, with no client library between."""
    asked = urllib.request.Request(url, body, {"Content-Type": kind}, method=method)  # noqa: S310  our own http: URL
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def make_bucket(url: str, name: str) -> None:
    status = request("POST", f"{url}/storage/v1/b?project=test", json.dumps({"name": name}).encode())
    assert status == 200, f"the server made no bucket: {status}"


def honours_preconditions(url: str, bucket: str) -> bool:
    """Whether a second `ifGenerationMatch=0` of one name is refused, asked with raw requests."""
    upload = f"{url}/upload/storage/v1/b/{bucket}/o?uploadType=media&name=probe&ifGenerationMatch=0"
    assert request("POST", upload, b"one", "application/octet-stream") == 200
    return request("POST", upload, b"two", "application/octet-stream") == 412
