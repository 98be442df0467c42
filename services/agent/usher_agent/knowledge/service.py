"""Building the index from a folder: what is new or changed is indexed, what is gone is removed, the rest is left."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, tzinfo
from pathlib import Path

from usher_agent.knowledge.model import BuildReport, Skipped
from usher_agent.knowledge.ports import KnowledgeIndex
from usher_agent.knowledge.reading import Unreadable, find_files, read_document
from usher_agent.knowledge.reading.files import version_of
from usher_shared.errors import InvalidRequest


async def build(
    folder: Path, index: KnowledgeIndex, *, zone: tzinfo = UTC, report: Callable[[str, str], None] = lambda *_: None
) -> BuildReport:
    """Bring the index in line with the folder. A file that cannot be read is named in the report, the rest goes on.

    What such a file said before is removed: better unknown than stale. `zone` is where dates without a time end.
    `report` hears of each source and what is done with it. Raises InvalidRequest (no such folder, too many files),
    Conflict (another build is on), and what the index raises.
    """
    try:
        files, skipped = find_files(folder)
    except Unreadable as error:
        raise InvalidRequest(f"{folder}: {error.reason}", code="unusable_folder") from error
    built = BuildReport(skipped=skipped)
    async with index.writing() as writer:
        known = await writer.versions()
        kept: set[str] = set()
        for path in files:
            source = path.relative_to(folder).as_posix()
            try:
                version, content = version_of(path, source, zone)
                if known.get(source) == version:
                    kept.add(source)
                    built.unchanged += 1
                    continue
                document = read_document(path, source, version, content, zone)
            except Unreadable as error:
                built.skipped.append(Skipped(source, error.reason, is_fault=True))
                report(source, f"skipped: {error.reason}")
                continue
            await writer.put(document)
            kept.add(source)
            (built.changed if source in known else built.added).append(source)
            built.chunks += len(document.chunks)
            report(source, f"{len(document.chunks)} chunks")
        for source in sorted(set(known) - kept):
            await writer.remove(source)
            built.removed.append(source)
            report(source, "removed")
    return built
