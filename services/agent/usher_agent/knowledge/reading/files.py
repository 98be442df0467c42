"""Which files of a folder are documents, and each as one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from typing import Any

from usher_agent.knowledge.chunking import CHUNK, OVERLAP, cut
from usher_agent.knowledge.model import About, Document, Part, Skipped, content_hash
from usher_agent.knowledge.reading.about import BadMetadata, describe, of_path
from usher_agent.knowledge.reading.pdf import BadPdf, read_pdf
from usher_agent.knowledge.reading.prose import read_markdown, read_text
from usher_agent.knowledge.reading.records import BadRecords, read_csv, read_json

SUFFIXES = (".md", ".markdown", ".txt", ".json", ".csv", ".pdf")
BESIDE = ".meta.json"  # parking.pdf.meta.json says what holds for parking.pdf
LARGEST_FILE = 20 << 20  # bytes
LARGEST_TEXT = 2_000_000  # characters of one document
MOST_FILES = 10_000
_FORMAT = 1  # of chunks: another one makes every document a changed one
_FORM = f"{_FORMAT}/{CHUNK}/{OVERLAP}"


class Unreadable(Exception):
    """A file that is no document; `reason` says why, in words for whoever keeps it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def find_files(folder: Path) -> tuple[list[Path], list[Skipped]]:
    """The documents' files in order, and what is passed over by its kind. Hidden files are passed over silently.

    Raises Unreadable for a folder that is none, or has too many files.
    """
    if not folder.is_dir():
        raise Unreadable("there is no such folder")
    files: list[Path] = []
    skipped: list[Skipped] = []
    for path in sorted(_walk(folder)):
        source = path.relative_to(folder).as_posix()
        if path.name.endswith(BESIDE):
            if not path.with_name(path.name.removesuffix(BESIDE)).exists():
                skipped.append(Skipped(source, "there is no file that it is about", is_fault=True))
        elif path.is_symlink():
            skipped.append(Skipped(source, "links are not followed"))
        elif path.suffix.lower() in SUFFIXES:
            files.append(path)
        else:
            skipped.append(Skipped(source, f"only {', '.join(SUFFIXES)} can be read"))
        if len(files) + len(skipped) > MOST_FILES:
            raise Unreadable(f"there are more than {MOST_FILES} files")
    return files, skipped


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def version_of(path: Path, source: str, zone: tzinfo) -> tuple[str, bytes]:
    """The hash of all that the document follows from, and its content. Raises Unreadable."""
    content = _content(path)
    beside = _content(path.with_name(path.name + BESIDE)) if path.with_name(path.name + BESIDE).exists() else b""
    return content_hash([_FORM.encode(), str(zone).encode(), source.encode(), content, beside])[:16], content


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Unreadable(f"it cannot be opened ({error.strerror})") from error
    if len(content) > LARGEST_FILE:
        raise Unreadable(f"it is larger than {LARGEST_FILE >> 20} MiB")
    return content


def read_document(path: Path, source: str, version: str, content: bytes, zone: tzinfo) -> Document:
    """The document that a file holds, cut into chunks. Raises Unreadable."""
    try:
        beside = _beside(path)
        about = describe(of_path(source), beside, zone)
        parts = _parts(path, content, about, zone, titled="title" in beside)
    except (BadMetadata, BadRecords, BadPdf) as error:
        raise Unreadable(str(error)) from error
    if sum(len(part.text) for part in parts) > LARGEST_TEXT:
        raise Unreadable(f"it has more than {LARGEST_TEXT} characters")
    chunks = cut(source, parts)
    if not chunks:
        raise Unreadable("it has no text")
    return Document(source, version, parts[0].about.title, chunks)


def _parts(path: Path, content: bytes, about: About, zone: tzinfo, *, titled: bool) -> list[Part]:
    suffix = path.suffix.lower()
    if suffix == ".pdf":
        return read_pdf(content, about, titled=titled)
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise Unreadable("it is not UTF-8 text") from error
    readers = {".json": read_json, ".csv": read_csv, ".txt": read_text}
    return readers.get(suffix, read_markdown)(text.replace("\x00", ""), about, zone)


def _beside(path: Path) -> dict[str, Any]:
    file = path.with_name(path.name + BESIDE)
    if not file.exists():
        return {}
    try:
        given = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadMetadata(f"{file.name} is no valid JSON") from error
    if not isinstance(given, dict):
        raise BadMetadata(f"{file.name} has to be a JSON object")
    return given
