"""Grammars beside a real tokenizer: what goes wrong with them says nothing of anybody's words."""

from __future__ import annotations

import pytest

import tiny_qwen
from usher_inference.generation.grammars import Grammars, GrammarState
from usher_shared.errors import InvalidRequest, UpstreamFailed

STOP = 2


@pytest.fixture(scope="module")
def grammars() -> Grammars:
    return Grammars((tiny_qwen.folder() / "tokenizer.json").read_text("utf-8"), tiny_qwen.VOCABULARY, [STOP])


def test_a_grammar_that_does_not_compile_is_a_bad_request(grammars: Grammars) -> None:
    with pytest.raises(InvalidRequest) as refused:
        grammars.start("start: nothing")
    assert refused.value.code == "invalid_grammar"


def test_two_answers_of_one_grammar_go_their_own_ways(grammars: Grammars) -> None:
    first, second = grammars.start('start: "a" "b"'), grammars.start('start: "a" "b"')
    before = second.allowed().copy()
    first.accept(allowed(first)[0])
    assert allowed(first) != allowed(second)
    assert (second.allowed() == before).all()


def test_an_answer_that_left_its_grammar_is_not_quoted(grammars: Grammars, capfd: pytest.CaptureFixture[str]) -> None:
    state = grammars.start('start: "a"+')
    forbidden = next(id for id in range(10, 600) if id not in allowed(state))
    state.accept(forbidden)
    with pytest.raises(UpstreamFailed) as failed:
        state.allowed()
    assert str(failed.value.detail) == "the answer cannot follow its grammar"
    printed = capfd.readouterr()
    assert printed.out + printed.err == ""


def allowed(state: GrammarState) -> list[int]:
    mask = state.allowed()
    return [id for id in range(tiny_qwen.VOCABULARY) if mask[id // 32] >> (id % 32) & 1]
