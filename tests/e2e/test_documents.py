"""A question that only a document answers, from the public API to the citation; a new document, without a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from customer import Customer
from stack_process import Target
from usher_local.provision import SAMPLE, build_knowledge
from usher_local.public_api import PublicApi
from usher_local.stack import Stack


@pytest.fixture
def stack(target: Target) -> Stack:
    if target.running is None:
        pytest.skip("a stack elsewhere has documents of its own")
    return target.running.stack


async def test_an_answer_names_its_document(api: PublicApi, stack: Stack) -> None:
    answer = await Customer(api).say("Can I bring a backpack to Lakefront Arena?")
    assert "Backpacks are not allowed." in answer["reply"]
    assert "[kn-" not in answer["reply"]
    (citation,) = answer["citations"]
    assert citation["source"] == "venues/lakefront-arena/house-rules.md"
    assert citation["section"] == "Bags"


async def test_the_running_agent_sees_a_new_build(api: PublicApi, stack: Stack, tmp_path: Path) -> None:
    question = "Is there a trampoline at Lakefront Arena?"
    assert (await Customer(api).say(question))["citations"] == []
    (tmp_path / "fun.md").write_text("# Fun at Lakefront Arena\n\nA trampoline stands at gate 9.\n")
    await build_knowledge(stack, tmp_path)
    answer = await Customer(api).say(question)
    assert "A trampoline stands at gate 9." in answer["reply"]
    await build_knowledge(stack, SAMPLE)
    assert (await Customer(api).say(question))["citations"] == []
