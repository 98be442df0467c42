"""Whatever is sent as an instance, or stands in a batch's line: it gets an answer of its own, and never a crash."""

from __future__ import annotations

import asyncio
import json
import logging
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai.types.chat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.batches.answering import PredictedAnswers
from usher_inference.batches.service import Batch, Clerk, run
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.vertex.limits import Limits
from usher_inference.vertex.model import Predict, read_body
from usher_inference.vertex.service import Predictor
from usher_shared.clock import SystemClock
from usher_shared.errors import InvalidRequest
from usher_shared.ids import UlidGenerator

MEMBERS = ["messages", "model", "tools", "temperature", "n", "stop", "stream", "@requestFormat", "role", "content"]
ANYTHING: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=12,
)
MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(["user", "tool", "system", "x"]), "content": ANYTHING})
INSTANCE = ANYTHING | st.fixed_dictionaries({"messages": st.lists(MESSAGE, max_size=3)}, optional={"model": ANYTHING})


def predictor() -> Predictor:
    models = FixedModels((PlaybookEngine("9.9"),), datetime(2026, 11, 21, tzinfo=UTC))
    return Predictor(models, SystemClock(), UlidGenerator(), Limits())


@settings(max_examples=120, deadline=None)
@given(st.lists(INSTANCE, min_size=1, max_size=6), ANYTHING)
def test_every_instance_has_its_own_answer(instances: list[Any], parameters: Any) -> None:
    body = json.dumps({"instances": instances, "parameters": parameters}).encode()
    try:
        asked = read_body(body, most_instances=10)
    except InvalidRequest:
        return
    assert isinstance(asked, Predict)
    found = asyncio.run(predictor().predict(asked))
    assert len(found) == len(instances)
    assert all(each.get("error", {}).get("status") != 500 for each in found)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | INSTANCE.map(json.dumps), max_size=6))
def test_every_line_has_its_own_answer(lines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        batch = Batch(Path(folder, "in"), Path(folder, "out"))
        batch.source.write_text("\n".join(lines), newline="")
        clerk = Clerk(PredictedAnswers(predictor()), UlidGenerator())
        ended = asyncio.run(run(batch, clerk, lambda _: None))
        assert ended.done == ended.total == batch.target.read_bytes().count(b"\n")
        again = asyncio.run(run(batch, clerk, lambda _: None))
        assert again.resumed == ended.total


async def test_openais_own_types_read_the_bodies_of_a_batch(tmp_path: Path) -> None:
    body = {"model": "usher-playbook", "messages": [{"role": "user", "content": "hello"}]}
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}
    batch = Batch(tmp_path / "in", tmp_path / "out")
    await asyncio.to_thread(batch.source.write_text, json.dumps(line))
    await run(batch, Clerk(PredictedAnswers(predictor()), UlidGenerator()), lambda _: None)
    found = json.loads(await asyncio.to_thread(batch.target.read_text))
    completion = openai.types.chat.ChatCompletion.model_validate(found["response"]["body"], strict=True)
    assert (completion.choices[0].message.content or "").startswith("Hello!")


async def test_nothing_that_was_said_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    secret = "4111 1111 1111 1111"
    with caplog.at_level(logging.DEBUG):
        asked = [{"messages": [{"role": "user", "content": secret}]}, {"messages": secret}, {secret: secret}, secret]
        found = await predictor().predict(Predict(asked))
    assert len(found) == 4
    assert secret not in caplog.text
