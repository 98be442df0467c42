"""Building: what is new, changed or gone, and nothing else; killed in the middle, with files that cannot be read."""

from __future__ import annotations

import asyncio
import signal
import sys
import textwrap
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from usher_agent.adapters.sqlite_knowledge import SqliteKnowledge
from usher_agent.knowledge.model import Question
from usher_agent.knowledge.service import build
from usher_local.provision import SAMPLE
from usher_shared.errors import InvalidRequest

QUESTIONS = Path(__file__).with_name("questions.jsonl")


async def test_only_what_changed_is_indexed_again(library: Any, found: Any) -> None:
    library.write("bags.md", "Backpacks are not allowed.")
    library.write("dogs.md", "Dogs stay at home.")
    first = await library.build()
    assert (first.added, first.unchanged) == (["bags.md", "dogs.md"], 0)
    second = await library.build()
    assert (second.unchanged, second.added, second.changed, second.removed) == (2, [], [], [])
    library.write("bags.md", "Backpacks are welcome.")
    (library.folder / "dogs.md").unlink()
    third = await library.build()
    assert (third.changed, third.removed, third.added) == (["bags.md"], ["dogs.md"], [])
    assert await found("are backpacks welcome") == ["Backpacks are welcome."]
    assert await found("may dogs come") == []


async def test_what_is_said_beside_a_file_counts_as_a_change(library: Any) -> None:
    library.write("bags.md", "Backpacks are not allowed.")
    await library.build()
    library.write("bags.md.meta.json", '{"expires": "2026-11-19"}')
    assert (await library.build()).changed == ["bags.md"]
    assert await library.search("backpacks allowed") == []


async def test_a_file_that_cannot_be_read_is_named_and_the_rest_goes_on(library: Any, found: Any) -> None:
    library.write("a.pdf", b"%PDF-broken")
    library.write("b.md", "Backpacks are not allowed.")
    library.write("c.png", b"\x89PNG")
    library.write(".hidden.md", "Nobody reads this.")
    (library.folder / "link.md").symlink_to(library.folder / "b.md")
    built = await library.build()
    assert built.added == ["b.md"]
    faults = {skipped.source: skipped.is_fault for skipped in built.skipped}
    assert faults == {"a.pdf": True, "c.png": False, "link.md": False}
    assert await found("backpacks allowed") == ["Backpacks are not allowed."]


async def test_what_can_no_longer_be_read_is_no_longer_told(library: Any) -> None:
    library.write("bags.md", "Backpacks are not allowed.")
    await library.build()
    library.write("bags.md", b"\xff\xff")
    built = await library.build()
    assert built.removed == ["bags.md"]
    assert await library.search("backpacks allowed") == []


async def test_a_folder_that_is_none_is_refused(library: Any) -> None:
    library.write("bags.md", "Backpacks are not allowed.")
    await library.build()
    with pytest.raises(InvalidRequest):
        await build(library.folder / "nowhere", library.index)
    assert len(await library.search("backpacks allowed")) == 1


async def test_a_day_ends_where_the_house_is(library: Any) -> None:
    library.write("market.md", "---\nexpires: 2026-11-20\n---\nThe market sells candles.\n")
    await library.build(zone=ZoneInfo("America/Chicago"))
    library.clock.advance(timedelta(hours=11))  # 23:00 in Chicago
    assert len(await library.search("market candles")) == 1
    library.clock.advance(timedelta(hours=2))
    assert await library.search("market candles") == []


_KILLED = """
import asyncio, os, signal, sys
from pathlib import Path
from usher_agent.adapters.sqlite_knowledge import SqliteKnowledge
from usher_agent.knowledge.service import build
from usher_shared.clock import SystemClock

folder, path = map(Path, sys.argv[1:])
def die(source, what):
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(build(folder, SqliteKnowledge(path, SystemClock()), report=die))
"""


async def test_a_build_that_is_killed_leaves_the_index_as_it_was(library: Any, found: Any) -> None:
    library.write("a.md", "Backpacks are not allowed.")
    await library.build()
    library.write("a.md", "Backpacks are welcome.")
    library.write("b.md", "Dogs stay at home.")
    program = [sys.executable, "-c", textwrap.dedent(_KILLED), str(library.folder), str(library.path)]
    killed = await asyncio.create_subprocess_exec(*program)
    assert await killed.wait() == -signal.SIGKILL
    assert await found("are backpacks allowed") == ["Backpacks are not allowed."]
    again = await library.build()
    assert (again.changed, again.added) == (["a.md"], ["b.md"])
    assert await found("are backpacks welcome") == ["Backpacks are welcome."]
    assert [path.name for path in library.path.parent.iterdir() if ".part-" in path.name] == []


async def test_the_sample_is_whole_and_answers_what_people_ask(library: Any) -> None:
    """The test half of the questions; the other half chose the floor and the words for the same thing."""
    from usher_evals.knowledge import KnowledgeQuestion, measure_knowledge, read_questions

    built = await build(SAMPLE, library.index)
    assert [skipped.source for skipped in built.skipped] == []
    assert built.chunks >= 60
    stats = await library.index.stats(library.clock.now())
    assert stats.chunks == built.chunks

    async def search(question: KnowledgeQuestion) -> list[str]:
        asked = Question(question.text, library.clock.now(), venue_id=question.venue_id)
        return [f"{hit.source}#{hit.chunk.section}" for hit in await library.index.search(asked)]

    everything = read_questions(QUESTIONS)
    assert sum(1 for one in everything if one.gold) >= 120
    assert sum(1 for one in everything if not one.gold) >= 40
    score = await measure_knowledge(QUESTIONS, search, "test")
    assert score.as_json()["recall_1"] >= 0.78
    assert score.as_json()["recall_3"] >= 0.84
    assert score.as_json()["false_answers"] <= 0.04


async def test_without_the_floor_unrelated_questions_are_answered(library: Any) -> None:
    """The control: it is the floor that keeps silent."""
    from usher_evals.knowledge import KnowledgeQuestion, measure_knowledge

    await build(SAMPLE, library.index)
    bottomless = SqliteKnowledge(library.path, library.clock, floor=0.0)

    async def search(question: KnowledgeQuestion) -> list[str]:
        hits = await bottomless.search(Question(question.text, library.clock.now(), venue_id=question.venue_id))
        return [hit.source for hit in hits]

    score = await measure_knowledge(QUESTIONS, search, "test")
    await bottomless.close()
    assert score.as_json()["false_answers"] > 0.3
