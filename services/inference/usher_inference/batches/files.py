"""The files of a batch: lines read one at a time, and an output that appears whole.

While a batch runs its output is `<name>.part`, in the order of the input; what stands there is what has been done.
What makes it is noted in `<name>.part.by`. After a crash the next run cuts off a line that was begun, compares every
whole line with the input, and goes on, if it is of the same model and version.
"""

from __future__ import annotations

import codecs
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import orjson

from usher_inference.batches import model
from usher_shared.artifacts.files import replacing
from usher_shared.errors import Conflict

LONGEST_LINE = 4 << 20  # bytes; as the service's largest body by default, and many lines are in memory at once
_BLOCK = 1 << 20


def count_lines(path: Path) -> int:
    """Lines that are not blank."""
    with path.open("rb") as source:
        return sum(1 for _ in read_lines(source))


def read_lines(source: BinaryIO) -> Iterator[bytes]:
    """Each line that is not blank, without its end; one longer than LONGEST_LINE is cut there, and so no JSON."""
    while raw := source.readline(LONGEST_LINE):
        if not raw.endswith(b"\n"):
            while rest := source.readline(_BLOCK):  # of an overlong line; none at the file's end
                if rest.endswith(b"\n"):
                    break
        if line := raw.removeprefix(codecs.BOM_UTF8).strip():
            yield line


def render_note(made_by: str) -> bytes:
    """One line of JSON."""
    return orjson.dumps({"made_by": made_by}) + b"\n"


def read_note(content: bytes) -> str | None:
    """Who made it. None for what is no note."""
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    made_by = found.get("made_by") if isinstance(found, dict) and len(found) == 1 else None
    return made_by if isinstance(made_by, str) else None


def note_of(target: Path) -> Path:
    """Where it is noted what makes the output, until that is whole."""
    return target.with_name(target.name + ".part.by")


def part_of(target: Path) -> Path:
    """Where the output is until it is whole."""
    return target.with_name(target.name + ".part")


class Output:
    """The output beside its input: `done` lines of it are written, `failed` of them as errors.

    Use it as a context. Raises Conflict when another run writes it, and when what is there answers other lines or was
    begun by another than `made_by`.
    """

    def __init__(self, target: Path, source: Path, made_by: str) -> None:
        self._target = target
        self._part = part_of(target)
        self._note = note_of(target)
        self._made_by = made_by
        self._source = source
        self._file: BinaryIO | None = None
        self.done = 0
        self.failed = 0

    def __enter__(self) -> Output:
        finished = self._target.exists()
        self._file = self._target.open("rb") if finished else self._part.open("a+b")
        try:
            self._lock(self._file, finished)
            self._file.seek(0)
            good = self._compare(self._file)
            if finished and self._is_short():
                raise Conflict(f"{self._target} has fewer lines than {self._source}", code="batch_output_exists")
            if not finished:
                self._compare_note()
                self._file.truncate(good)
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._file is not None  # noqa: S101  entered
        self._file.close()

    def write(self, line: dict[str, Any]) -> None:
        """Append; it is the operating system's once this returns, and so outlives the process."""
        assert self._file is not None  # noqa: S101  entered
        self._file.write(orjson.dumps(line) + b"\n")
        self._file.flush()
        self.done += 1
        self.failed += model.is_failed(line)

    def finish(self) -> None:
        """All lines are written: the output takes its name."""
        assert self._file is not None  # noqa: S101  entered
        if not self._target.exists():
            os.fsync(self._file.fileno())
            os.replace(self._part, self._target)
        self._note.unlink(missing_ok=True)

    def _lock(self, file: BinaryIO, finished: bool) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"another run writes {self._target}", code="batch_running") from error
        if not finished and self._target.exists():  # whoever held the lock before has finished meanwhile
            raise Conflict(f"another run has just written {self._target}", code="batch_running")

    def _compare(self, file: BinaryIO) -> int:
        """Where the last whole line ends. Counts the lines on the way."""
        good = 0
        with self._source.open("rb") as source:
            lines = read_lines(source)
            while raw := file.readline():
                if not raw.endswith(b"\n"):
                    break  # the write that a crash cut short
                asked = next(lines, None)
                try:
                    written = orjson.loads(raw)
                except orjson.JSONDecodeError:
                    written = None
                if asked is None or not isinstance(written, dict) or not model.answers(written, self.done + 1, asked):
                    raise Conflict(
                        f"line {self.done + 1} of {file.name} is no answer to that line of {self._source}",
                        code="batch_output_exists",
                    )
                self.done += 1
                self.failed += model.is_failed(written)
                good = file.tell()
        return good

    def _compare_note(self) -> None:
        """Notes what makes the output when it is about to begin."""
        if self.done == 0:
            with replacing(self._note) as note:
                note.write(render_note(self._made_by))
            return
        begun_by = read_note(self._note.read_bytes()) if self._note.exists() else None
        if begun_by != self._made_by:
            raise Conflict(
                f"{self._part} was begun by {begun_by or 'nobody knows what'} and cannot go on with {self._made_by}: "
                "name the same model again, or another output",
                code="batch_made_by_another",
            )

    def _is_short(self) -> bool:
        return self.done < count_lines(self._source)
