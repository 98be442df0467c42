"""Readiness that has really generated, and asks no engine that is at work."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.inference.scripted_engine import ANSWER, ScriptedEngine, ScriptedModels

from usher_inference.completions.model import Finished, TextDelta, Usage
from usher_inference.monitoring.readiness import Readiness
from usher_shared.errors import Unavailable

LONG = 3600.0


async def test_it_generates_a_token_and_then_believes_it_for_a_while() -> None:
    engine = ScriptedEngine()
    readiness = Readiness(ScriptedModels(engine), fresh_seconds=LONG)
    await asyncio.gather(*(readiness.check() for _ in range(5)))
    await readiness.check()
    assert [prompt.max_tokens for prompt in engine.prompts] == [1]
    assert engine.closed == 1


async def test_what_is_no_longer_fresh_is_proved_again() -> None:
    engine = ScriptedEngine()
    readiness = Readiness(ScriptedModels(engine), fresh_seconds=0.0)
    await readiness.check()
    await readiness.check()
    assert len(engine.prompts) == 2


async def test_an_engine_that_is_heard_is_not_asked() -> None:
    engine = ScriptedEngine((Unavailable("asked"),))
    readiness = Readiness(ScriptedModels(engine), fresh_seconds=LONG)
    readiness.heard(engine)
    await readiness.check()
    assert engine.prompts == []


async def test_every_model_has_to_generate() -> None:
    well = ScriptedEngine(model="well")
    broken = ScriptedEngine((TextDelta("Hel"), Unavailable("out of memory")), model="broken", version="7")
    with pytest.raises(Unavailable, match=r"^broken 7: Unavailable: out of memory$"):
        await Readiness(ScriptedModels(well, broken), fresh_seconds=LONG).check()


async def test_why_a_model_fails_is_for_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """/ready is anybody's: of errors that were not written for a reader it says the kind alone."""
    broken = ScriptedEngine((OSError("/srv/models/secret.onnx is gone"),), model="broken", version="7")
    readiness = Readiness(ScriptedModels(broken), fresh_seconds=LONG)
    for _ in range(3):
        with pytest.raises(Unavailable) as told:
            await readiness.check()
        assert told.value.detail == "broken 7: OSError"
    assert [record.exc_info is not None for record in caplog.records] == [True]
    assert "secret.onnx" in caplog.text


@pytest.mark.parametrize("script", [(), (Finished("stop", Usage(3, 0)),)])
async def test_silence_is_no_answer(script: tuple[Finished, ...]) -> None:
    with pytest.raises(Unavailable, match="generated nothing"):
        await Readiness(ScriptedModels(ScriptedEngine(script)), fresh_seconds=LONG).check()


@pytest.mark.parametrize("last", [Finished("stop", Usage(3, 1)), Finished("length", Usage(3, 0))])
async def test_a_token_without_text_is_an_answer(last: Finished) -> None:
    silent = ScriptedEngine((last,))
    await Readiness(ScriptedModels(silent), fresh_seconds=LONG).check()


async def test_nothing_served_is_not_ready() -> None:
    with pytest.raises(Unavailable, match="no model"):
        await Readiness(ScriptedModels(), fresh_seconds=LONG).check()


async def test_a_probe_outlives_the_question_and_is_not_asked_twice() -> None:
    engine = ScriptedEngine(pieces_before_go=0)
    readiness = Readiness(ScriptedModels(engine), fresh_seconds=LONG)
    first = asyncio.create_task(readiness.check())
    await engine.waits.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(readiness.check())
    engine.go.set()
    await second
    assert len(engine.prompts) == 1


async def test_a_failure_is_told_again_without_asking_again() -> None:
    engine = ScriptedEngine((Unavailable("broken"),))
    readiness = Readiness(ScriptedModels(engine), fresh_seconds=LONG)
    for _ in range(3):
        with pytest.raises(Unavailable, match="broken"):
            await readiness.check()
    assert len(engine.prompts) == 1
    engine.script = ANSWER
    readiness.heard(engine)
    await readiness.check()


async def test_a_release_that_leaves_while_it_is_probed_is_no_failure() -> None:
    old = ScriptedEngine((Unavailable("closing"),), version="1", pieces_before_go=0)
    models = ScriptedModels(old)
    readiness = Readiness(models, fresh_seconds=LONG)
    asking = asyncio.create_task(readiness.check())
    await old.waits.wait()
    models.engines = [ScriptedEngine(version="2")]
    old.go.set()
    await asking
