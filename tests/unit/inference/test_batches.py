"""Batches of JSON lines: order, resumption after any crash, patience, and what each shape of line is answered by."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from usher_inference.batches.files import LONGEST_LINE, note_of, part_of, render_note
from usher_inference.batches.model import Line, Progress
from usher_inference.batches.service import Batch, Clerk, Patience, run
from usher_shared.errors import Conflict, InvalidRequest, NotFound, RateLimited, Unavailable, UpstreamTimeout
from usher_shared.ids import SequentialIds

OPENAI = {"custom_id": "a-1", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": ["one"]}}
REQUEST = {"request": {"messages": ["two"]}}
WRAPPED = {"instance": {"messages": ["three"]}}
BARE = {"messages": ["four"], "customer": 7}


class Echo:
    """Answers with what was said. `upsets` are the errors of the first tries, by what is said."""

    def __init__(self, upsets: dict[str, list[Exception]] | None = None, made_by: str = "echo 1") -> None:
        self.made_by = made_by
        self.upsets = upsets or {}
        self.asked: list[str] = []
        self.running = self.most_running = 0
        self.gates: dict[str, asyncio.Event] = {}
        self.sixteen = asyncio.Event()

    async def answer(self, line: Line) -> dict[str, Any]:
        said = line.asked["messages"][0]
        self.asked.append(said)
        if len(self.asked) == 16:
            self.sixteen.set()
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await (self.gates[said].wait() if said in self.gates else asyncio.sleep(0))
        finally:
            self.running -= 1
        if self.upsets.get(said):
            raise self.upsets[said].pop(0)
        return {"heard": said}


def quiet(_: Progress) -> None: ...


@pytest.fixture
def batch(tmp_path: Path) -> Callable[..., Batch]:
    def make(*lines: object, concurrency: int = 4) -> Batch:
        source = tmp_path / "in.jsonl"
        source.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
        return Batch(source, tmp_path / "out.jsonl", concurrency)

    return make


def many(count: int) -> list[object]:
    return [{"messages": [f"line {n}"]} for n in range(count)]


def written(batch: Batch) -> list[Any]:
    return [json.loads(line) for line in batch.target.read_text().splitlines()]


def clerk(answers: Echo, sleeps: list[float] | None = None) -> Clerk:
    async def sleep(seconds: float) -> None:
        if sleeps is not None:
            sleeps.append(seconds)

    return Clerk(answers, SequentialIds(), Patience(attempts=3), sleep)


async def test_each_shape_is_answered_in_its_own(batch: Callable[..., Batch]) -> None:
    made = batch(OPENAI, REQUEST, WRAPPED, BARE, "not json", {"custom_id": "a-2", "method": "GET", "body": {}}, "", "7")
    ended = await run(made, clerk(Echo()), quiet)
    first, *rest, bad, method, number = written(made)
    id = first["response"]["request_id"]
    assert first == {
        "id": f"batch_{id}",
        "custom_id": "a-1",
        "response": {"status_code": 200, "request_id": id, "body": {"heard": "one"}},
        "error": None,
    }
    assert rest == [
        {"request": REQUEST["request"], "response": {"heard": "two"}, "status": ""},
        {"instance": WRAPPED["instance"], "prediction": {"heard": "three"}},
        {"instance": BARE, "prediction": {"heard": "four"}},
    ]
    assert bad == {"line": 5, "error": {"code": "invalid_json", "message": "the line is not JSON"}}
    assert (method["line"], method["error"]["code"]) == (6, "invalid_line")
    assert number["line"] == 7  # blank lines are no lines
    assert (ended.total, ended.done, ended.failed) == (7, 7, 3)


async def test_errors_stay_in_their_lines(batch: Callable[..., Batch]) -> None:
    def upset() -> list[Exception]:
        return [InvalidRequest("no such thing", extra={"param": "tools"})]

    made = batch(OPENAI, REQUEST, WRAPPED, BARE)
    ended = await run(made, clerk(Echo({said: upset() for said in ("one", "two", "three")})), quiet)
    openai, request, instance, well = written(made)
    assert openai["response"]["status_code"] == 400
    assert openai["response"]["body"]["error"]["param"] == "tools"
    assert openai["error"] is None
    assert (request["response"], request["status"]) == ({}, "no such thing")
    assert instance == {"instance": WRAPPED["instance"], "error": {"code": 3, "message": "no such thing"}}
    assert well["prediction"] == {"heard": "four"}
    assert ended.failed == 3


async def test_a_line_that_breaks_the_engine_costs_itself_alone(batch: Callable[..., Batch]) -> None:
    made = batch(*many(3))
    ended = await run(made, clerk(Echo({"line 1": [ZeroDivisionError("of a secret")]})), quiet)
    well, broken, last = written(made)
    assert well["prediction"]
    assert last["prediction"]
    assert broken["error"] == {"code": 13, "message": "an unexpected error occurred; it was logged"}
    assert ended.failed == 1


async def test_the_order_is_the_inputs_and_so_many_run_at_once(batch: Callable[..., Batch]) -> None:
    made = batch(*many(60))
    echo = Echo()
    echo.gates = {"line 0": asyncio.Event(), "line 9": asyncio.Event()}
    running = asyncio.create_task(run(made, clerk(echo), quiet))
    await echo.sixteen.wait()  # the first line holds the writing up; those ahead of it go on to the window's end
    assert not made.target.exists()
    echo.gates["line 9"].set()
    echo.gates["line 0"].set()
    await running
    assert [each["prediction"]["heard"] for each in written(made)] == [f"line {n}" for n in range(60)]
    assert echo.most_running == 4


async def test_progress_counts_every_line(batch: Callable[..., Batch]) -> None:
    heard: list[Progress] = []
    ended = await run(batch(*many(9), "broken"), clerk(Echo()), heard.append)
    assert [each.done for each in heard] == list(range(1, 11))
    assert {each.total for each in heard} == {10}
    assert (ended.done, ended.failed, ended.resumed) == (10, 1, 0)


async def test_goes_on_after_a_crash_at_any_byte(batch: Callable[..., Batch]) -> None:
    made = batch(REQUEST, "broken", *many(3), OPENAI)
    await run(made, clerk(Echo()), quiet)
    whole = made.target.read_bytes()
    for cut in range(len(whole) + 1):
        made.target.unlink()
        part = made.target.with_name("out.jsonl.part")
        part.write_bytes(whole[:cut])
        note_of(made.target).write_bytes(render_note("echo 1"))
        echo = Echo()
        ended = await run(made, clerk(echo), quiet)
        kept = whole[:cut].count(b"\n")
        assert ended.resumed == kept
        assert (ended.done, ended.failed) == (6, 1)
        assert len(echo.asked) == len([n for n in range(kept, 6) if n != 1])  # nothing is asked twice
        assert [strip(each) for each in written(made)] == [strip(json.loads(line)) for line in whole.splitlines()]
        assert sorted(os.listdir(made.target.parent)) == sorted([made.source.name, made.target.name])


def strip(line: dict[str, Any]) -> dict[str, Any]:
    """Without the ids, which a second try makes anew."""
    response = line.get("response")
    inner = {name: value for name, value in response.items() if name != "request_id"} if response else response
    return {**line, "id": None, "response": inner}


async def test_a_finished_batch_is_left_alone(batch: Callable[..., Batch]) -> None:
    made = batch(*many(3))
    await run(made, clerk(Echo()), quiet)
    before = made.target.stat().st_mtime_ns
    echo = Echo()
    ended = await run(made, clerk(echo), quiet)
    assert (ended.done, ended.resumed, echo.asked) == (3, 3, [])
    assert made.target.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.part"])
async def test_an_output_of_something_else_is_not_touched(batch: Callable[..., Batch], name: str) -> None:
    made = batch(*many(3))
    other = made.target.with_name(name)
    for content in (b'{"instance":{"messages":["line 1"]},"prediction":{}}\n', b"my notes\n", b"[]\n"):
        other.write_bytes(content)
        with pytest.raises(Conflict) as refused:
            await run(made, clerk(Echo()), quiet)
        assert refused.value.code == "batch_output_exists"
        assert other.read_bytes() == content


async def test_a_file_is_not_its_own_output(batch: Callable[..., Batch]) -> None:
    made = batch(OPENAI)
    with pytest.raises(Conflict):
        await run(Batch(made.source, made.source), clerk(Echo()), quiet)
    assert json.loads(made.source.read_text()) == OPENAI


async def test_an_output_shorter_than_its_input_is_not_taken_for_finished(batch: Callable[..., Batch]) -> None:
    await run(batch(*many(3)), clerk(Echo()), quiet)
    with pytest.raises(Conflict):
        await run(batch(*many(4)), clerk(Echo()), quiet)


async def test_two_runs_do_not_write_one_output(batch: Callable[..., Batch]) -> None:
    made = batch(*many(3))
    with made.target.with_name("out.jsonl.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Conflict) as refused:
            await run(made, clerk(Echo()), quiet)
    assert refused.value.code == "batch_running"
    await run(made, clerk(Echo()), quiet)
    assert len(written(made)) == 3


async def test_without_an_input_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        await run(Batch(tmp_path / "none", tmp_path / "out"), clerk(Echo()), quiet)
    assert os.listdir(tmp_path) == []


async def test_tries_again_when_that_may_help(batch: Callable[..., Batch]) -> None:
    upsets: dict[str, list[Exception]] = {
        "line 0": [RateLimited("full", retry_after_seconds=3), Unavailable("away")],
        "line 1": [UpstreamTimeout("slow"), UpstreamTimeout("slow")],
        "line 2": [InvalidRequest("never")],
    }
    sleeps: list[float] = []
    made = batch(*many(4), concurrency=1)
    await run(made, clerk(Echo(upsets), sleeps), quiet)
    well, slow, wrong, last = written(made)
    assert well["prediction"] == {"heard": "line 0"}
    assert slow["error"] == {"code": 4, "message": "slow"}
    assert wrong["error"]["code"] == 3
    assert last["prediction"]
    assert sleeps == [3, 0.5, 0.5]  # a full queue is no failure: what comes after it is the first


class Narrow:
    """A model with room for two lines, that answers them at every twentieth refusal of another."""

    made_by = "narrow 1"

    def __init__(self, lines: int) -> None:
        self._left = lines
        self._running = self.refusals = 0
        self._turn = asyncio.Event()

    async def answer(self, line: Line) -> dict[str, Any]:
        if self._running == 2:
            self.refusals += 1
            if self.refusals % 20 == 0:
                self._turn.set()
                self._turn = asyncio.Event()
            raise RateLimited("full", retry_after_seconds=1)
        self._running += 1
        if self._left > 2:
            await self._turn.wait()
        self._running -= 1
        self._left -= 1
        if self._left <= 2:  # nobody is refused any more
            self._turn.set()
        return {"heard": line.asked["messages"][0]}


async def test_a_batch_outlasts_the_queue_that_it_fills_itself(batch: Callable[..., Batch]) -> None:
    made, model = batch(*many(40), concurrency=12), Narrow(40)

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(0)

    ended = await run(made, Clerk(model, SequentialIds(), Patience(attempts=3), sleep), quiet)
    assert (ended.done, ended.failed) == (40, 0)
    assert model.refusals > 40 * 3


@pytest.mark.parametrize("told", [None, 0.0, 7.0, 1e9])
async def test_a_model_that_never_has_room_ends_the_batch(batch: Callable[..., Batch], told: float | None) -> None:
    class Full:
        made_by = "full 1"

        async def answer(self, line: Line) -> dict[str, Any]:
            raise RateLimited("full", retry_after_seconds=told)

    sleeps: list[float] = []

    async def sleep(seconds: float) -> None:
        sleeps.append(seconds)

    with pytest.raises(RateLimited):
        await run(batch(*many(1)), Clerk(Full(), SequentialIds(), Patience(crowded_seconds=60), sleep), quiet)
    assert 60 <= sum(sleeps) < 60 + 30


async def test_stops_when_the_model_stays_away_and_goes_on_later(batch: Callable[..., Batch]) -> None:
    made = batch(*many(8), concurrency=1)
    away: list[Exception] = [Unavailable("away")] * 3
    with pytest.raises(Unavailable):
        await run(made, clerk(Echo({"line 5": away})), quiet)
    assert not made.target.exists()
    echo = Echo()
    ended = await run(made, clerk(echo), quiet)
    assert (ended.resumed, ended.done, ended.failed) == (5, 8, 0)
    assert echo.asked == ["line 5", "line 6", "line 7"]


@pytest.mark.parametrize("forgotten", [False, True])
async def test_another_model_does_not_go_on(batch: Callable[..., Batch], forgotten: bool) -> None:
    made = batch(*many(8), concurrency=1)
    with pytest.raises(Unavailable):
        await run(made, clerk(Echo({"line 5": [Unavailable("away")] * 3})), quiet)
    part = part_of(made.target)
    with part.open("ab") as torn:
        torn.write(b'{"inst')
    before, note = part.read_bytes(), note_of(made.target)
    if forgotten:
        note.unlink()
    other = Echo(made_by="echo 2")
    with pytest.raises(Conflict, match=r"echo 2.*: name the same model again, or another output") as refused:
        await run(made, clerk(other), quiet)
    assert refused.value.code == "batch_made_by_another"
    assert forgotten or "begun by echo 1" in refused.value.detail
    assert (other.asked, part.read_bytes(), made.target.exists()) == ([], before, False)
    note.write_bytes(render_note("echo 1"))
    ended = await run(made, clerk(Echo()), quiet)
    assert (ended.resumed, ended.done) == (5, 8)
    assert sorted(os.listdir(made.target.parent)) == sorted([made.source.name, made.target.name])


async def test_a_part_without_a_line_is_anybodys(batch: Callable[..., Batch]) -> None:
    made = batch(*many(2))
    with pytest.raises(Unavailable):
        await run(made, clerk(Echo({"line 0": [Unavailable("away")] * 3})), quiet)
    await run(made, clerk(Echo(made_by="echo 2")), quiet)
    assert len(written(made)) == 2


async def test_a_line_without_end_costs_itself_alone(batch: Callable[..., Batch]) -> None:
    made = batch('{"messages": ["' + "x" * (LONGEST_LINE + 10) + '"]}', REQUEST)
    await run(made, clerk(Echo()), quiet)
    long, well = written(made)
    assert long["error"]["code"] == "invalid_json"
    assert well["response"]


async def test_the_last_line_needs_no_end(batch: Callable[..., Batch]) -> None:
    made = batch(REQUEST)
    made.source.write_bytes(b'\xef\xbb\xbf{"messages": ["a"]}\r\n\n{"messages": ["b"]}')
    await run(made, clerk(Echo()), quiet)
    assert [each["prediction"]["heard"] for each in written(made)] == ["a", "b"]
