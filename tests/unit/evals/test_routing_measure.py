"""The routing measure: what its messages promise, and that it counts what is wrong."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from usher_evals.routing import measure_routing, read_labelled
from usher_shared.contracts.handover import SPECIALISTS, Standing


def test_the_halves_are_large_disjoint_and_hold_every_specialist() -> None:
    tune, test = read_labelled("tune"), read_labelled("test")
    assert len(tune) >= 300
    assert len(test) >= 200
    assert not {one.message.lower() for one in tune} & {one.message.lower() for one in test}
    for half in (tune, test):
        assert min(Counter(one.specialist for one in half).values()) >= 20
        assert {one.specialist for one in half} == set(SPECIALISTS)
        assert any(one.standing.holds for one in half)
        assert any(one.standing.proposal for one in half)
        assert any(one.standing.actions for one in half)


async def test_it_counts_what_is_right_and_tells_what_was_taken_for_what() -> None:
    answers = {(one.message, one.standing): one.specialist for one in read_labelled("test")}

    async def oracle(message: str, standing: Standing) -> str:
        return answers[message, standing]

    async def always_faq(_: str, __: Standing) -> str:
        return "faq"

    assert (await measure_routing(oracle, "test"))["right"] == 1.0
    measured = await measure_routing(always_faq, "test")
    share = sum(name == "faq" for name in answers.values()) / len(answers)
    assert measured["right"] == pytest.approx(share, abs=0.02)
    assert measured["by_specialist"]["support"] == 0
    assert measured["mistaken"]["support for faq"] > 20


@pytest.mark.parametrize("line", ["cook\t\thungry", "faq\tis there parking?", "faq\t\ta\tb"])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    file = tmp_path / "routing.tsv"
    file.write_text(f"== test\nfaq\t\tis there parking?\n{line}\n")
    with pytest.raises(ValueError, match=r"routing\.tsv:3"):
        read_labelled("test", file)


def test_where_a_conversation_stands_is_read_back_as_it_was_told() -> None:
    for half in ("tune", "test"):
        for one in read_labelled(half):
            assert Standing.read(f"Anything before.\n\n{one.standing.lines()}") == one.standing
