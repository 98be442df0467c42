"""Insights by a model that runs here: real template, tokens and grammar; only the choice of tokens is not a model's."""

from __future__ import annotations

import json

import pytest

import tiny_qwen
from scripted_decoder import RamblingDecoder, ScriptedDecoder
from unit.inference.insights.conftest import Asking, library
from usher_inference.chat.engine import ChatEngine
from usher_inference.chat.template import ChatTemplate
from usher_inference.chat.tokenizer import Tokenizer

QUESTION = "Which members are the most devoted?"
GOOD = {
    "sql": "SELECT branch, SUM(fine) AS total FROM city_library.loans GROUP BY branch",
    "explanation": "Fines for each branch.",
    "chart": {"mark": "bar", "x": "branch", "y": "total", "color": None},
}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.from_folder(tiny_qwen.folder())


@pytest.fixture(scope="module")
def template() -> ChatTemplate:
    return ChatTemplate.from_folder(tiny_qwen.folder())


async def test_a_served_model_answers_under_the_grammar_of_the_contract(
    tokenizer: Tokenizer, template: ChatTemplate
) -> None:
    end = tokenizer.id_of("<|im_end|>")
    assert end is not None
    decoder = ScriptedDecoder([*tokenizer.encode(json.dumps(GOOD)), end], context_tokens=20_000)
    asking = Asking([ChatEngine("tiny", "7", decoder, tokenizer, template)])
    answer = await asking.ask(library(QUESTION, model="tiny"))
    assert answer.status_code == 200, answer.text
    assert (answer.json()["model_used"], answer.json()["model_version"]) == ("tiny", "7")
    (request,) = [each for each in decoder.requests if each.grammar is not None]
    assert len(request.prompt) > 1000


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_a_model_says_within_the_grammar_is_refused_and_not_run(
    tokenizer: Tokenizer, template: ChatTemplate, seed: int
) -> None:
    source = (tiny_qwen.folder() / "tokenizer.json").read_text("utf-8")
    decoder = RamblingDecoder(source, tokenizer, seed, context_tokens=30_000)
    asking = Asking([ChatEngine("tiny", "7", decoder, tokenizer, template)])
    answer = await asking.ask(library(QUESTION, model="tiny"))
    assert (answer.status_code, answer.json()["code"]) in {(502, "no_insight"), (422, "question_not_understood")}
