"""Models in an order: who is asked, when another one is, and what the answer says about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from usher_agent.models.order import Candidate, ModelOrder
from usher_agent.models.ports import Completion, CompletionRequest, Listener, Refused, RequestedCall
from usher_agent.models.prices import FREE, Price, cost_nanos, largest_cost_nanos, listed_price
from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout, UsherError
from usher_shared.outage import Outage

REQUEST = CompletionRequest([{"role": "user", "content": "Hi"}], (), "conv-1", timeout_seconds=20.0)
PRICE = Price(prompt=1.0, completion=4.0, cached=0.25)


class Played:
    """A model that does what the script says: an error, pieces of text with or without an error after them."""

    def __init__(self, name: str, *script: Any) -> None:
        self.name = name
        self.script = list(script)
        self.requests: list[CompletionRequest] = []
        self.pings = 0
        self.dead = False

    async def complete(self, request: CompletionRequest, on_text: Listener | None = None) -> Completion:
        self.requests.append(request)
        step = self.script.pop(0) if self.script else [f"{self.name}."]
        if isinstance(step, BaseException):
            raise step
        said = ""
        for piece in step:
            if isinstance(piece, BaseException):
                raise piece
            said += piece
            if on_text is not None:
                on_text(piece)
        return Completion(said, model=self.name, prompt_tokens=100, completion_tokens=10, cached_tokens=40)

    async def ping(self) -> None:
        if self.dead:
            raise Unavailable("dead")
        self.pings += 1

    async def close(self) -> None: ...


class Ear:
    def __init__(self) -> None:
        self.heard = ""
        self.withdrawn: list[str] = []

    def __call__(self, text: str, /) -> None:
        self.heard += text

    def start_over(self) -> None:
        self.withdrawn.append(self.heard)
        self.heard = ""


class Time:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def ordered(time: Time) -> Callable[..., ModelOrder]:
    def make(*models: Played, price: Price | None = PRICE) -> ModelOrder:
        candidates = []
        for model in models:
            candidate = Candidate(model.name, model, 5.0, FREE if model.name == "playbook" else price)
            candidate.outage = Outage("lost", "back", 10.0, failures=3, now=time)
            candidates.append(candidate)
        return ModelOrder(candidates)

    return make


def down() -> Unavailable:
    return Unavailable("down")


async def test_the_first_model_answers(ordered: Any) -> None:
    first, second = Played("first"), Played("second")
    completion = await ordered(first, second).complete(REQUEST)
    assert (completion.text, completion.passed_over, completion.candidate) == ("first.", (), "first")
    assert second.requests == []


@pytest.mark.parametrize(
    "error", [UpstreamTimeout("x"), UpstreamFailed("x"), Refused("x"), RuntimeError("a bug of an adapter")]
)
async def test_another_model_answers_for_one_that_fails(ordered: Any, error: Exception) -> None:
    first = Played("first", error)
    completion = await ordered(first, Played("second")).complete(REQUEST)
    assert (completion.text, completion.passed_over, completion.candidate) == ("second.", ("first",), None)
    assert len(first.requests) == 1  # asked again it would take as long, or answer the same


async def test_what_was_not_reached_is_tried_a_second_time(ordered: Any) -> None:
    first = Played("first", down())
    completion = await ordered(first, Played("second")).complete(REQUEST)
    assert completion.text == "first."
    assert len(first.requests) == 2


async def test_a_second_failure_is_enough(ordered: Any) -> None:
    first = Played("first", down(), down(), down())
    assert (await ordered(first, Played("second")).complete(REQUEST)).text == "second."
    assert len(first.requests) == 2


async def test_a_long_pause_is_not_waited_for_but_kept(ordered: Any, time: Time) -> None:
    first = Played("first", Unavailable("busy", retry_after_seconds=30.0))
    models = ordered(first, Played("second"))
    assert (await models.complete(REQUEST)).text == "second."
    time.seconds = 29.0
    assert (await models.complete(REQUEST)).text == "second."
    assert len(first.requests) == 1
    time.seconds = 30.5
    assert (await models.complete(REQUEST)).text == "first."


async def test_the_last_model_is_asked_whatever_it_did(ordered: Any) -> None:
    only = Played("only", *[UpstreamFailed("x")] * 5)
    models = ordered(only)
    for _ in range(5):
        with pytest.raises(UpstreamFailed):
            await models.complete(REQUEST)
    assert (await models.complete(REQUEST)).text == "only."


async def test_all_failed_raises_what_the_last_raised(ordered: Any) -> None:
    with pytest.raises(UpstreamTimeout, match="last"):
        await ordered(Played("a", UpstreamFailed("first")), Played("b", UpstreamTimeout("last"))).complete(REQUEST)


async def test_a_broken_off_answer_is_taken_back_before_another_speaks(ordered: Any) -> None:
    ear = Ear()
    first = Played("first", ["The cheapest ", "seats are ", UpstreamFailed("broken off")])
    completion = await ordered(first, Played("second", ["Good ", "evening."])).complete(REQUEST, ear)
    assert ear.withdrawn == ["The cheapest seats are "]
    assert ear.heard == completion.text == "Good evening."


async def test_after_the_first_piece_the_same_model_is_not_asked_again(ordered: Any) -> None:
    ear = Ear()
    first = Played("first", ["Some ", down()])
    await ordered(first, Played("second")).complete(REQUEST, ear)
    assert len(first.requests) == 1
    assert ear.withdrawn == ["Some "]


async def test_what_the_last_one_said_before_it_failed_is_the_callers_to_withdraw(ordered: Any) -> None:
    ear = Ear()
    with pytest.raises(UpstreamFailed):
        await ordered(Played("only", ["Some ", UpstreamFailed("x")])).complete(REQUEST, ear)
    assert (ear.heard, ear.withdrawn) == ("Some ", [])


async def test_a_model_that_keeps_failing_is_left_alone_then_tried_by_one(ordered: Any, time: Time) -> None:
    first = Played("first", *[UpstreamFailed("x")] * 4)
    models = ordered(first, Played("second"))
    for _ in range(6):
        assert (await models.complete(REQUEST)).passed_over == ("first",)
    assert len(first.requests) == 3
    time.seconds = 10.5  # half open: one tries for all, and fails
    answers = await asyncio.gather(*(models.complete(REQUEST) for _ in range(5)))
    assert len(first.requests) == 4
    assert {answer.text for answer in answers} == {"second."}
    time.seconds = 21.0
    assert (await models.complete(REQUEST)).text == "first."
    assert (await models.complete(REQUEST)).text == "first."


async def test_refusals_say_nothing_about_health(ordered: Any) -> None:
    first = Played("first", *[Refused("too long")] * 10)
    models = ordered(first, Played("second"))
    for _ in range(10):
        await models.complete(REQUEST)
    assert (await models.complete(REQUEST)).text == "first."


async def test_who_failed_in_the_turn_is_avoided_in_it(ordered: Any) -> None:
    first, second = Played("first"), Played("second")
    request = CompletionRequest(REQUEST.messages, (), "conv-1", avoid=["first", "second"])
    completion = await ordered(first, second).complete(request)
    assert (completion.text, completion.passed_over) == ("second.", ("first",))
    assert first.requests == []


async def test_time_is_kept_for_those_who_may_still_be_asked(ordered: Any) -> None:
    first, second, last = Played("a", UpstreamTimeout("x")), Played("b", UpstreamTimeout("x")), Played("playbook")
    await ordered(first, second, last).complete(CompletionRequest(REQUEST.messages, (), "c", timeout_seconds=8.0))
    assert [round(model.requests[0].timeout_seconds, 1) for model in (first, second, last)] == [4.0, 4.0, 5.0]


async def test_without_time_nobody_is_asked(ordered: Any) -> None:
    only = Played("only")
    with pytest.raises(UpstreamTimeout):
        await ordered(only).complete(CompletionRequest(REQUEST.messages, (), "c", timeout_seconds=0.0))
    assert only.requests == []


async def test_cancelling_asks_nobody_else(ordered: Any) -> None:
    second = Played("second")
    with pytest.raises(asyncio.CancelledError):
        await ordered(Played("first", asyncio.CancelledError()), second).complete(REQUEST)
    assert second.requests == []


async def test_when_the_budget_is_spent_what_costs_nothing_answers(ordered: Any) -> None:
    first, playbook = Played("first"), Played("playbook")
    request = CompletionRequest(REQUEST.messages, (), "conv-1", free_only=True)
    assert (await ordered(first, playbook).complete(request)).text == "playbook."
    assert first.requests == []
    with pytest.raises(Unavailable) as raised:
        await ordered(first).complete(request)
    assert raised.value.code == "budget_spent"
    with pytest.raises(Unavailable):
        await ordered(first, price=None).complete(request)  # an unknown price is not nothing


async def test_an_answer_says_what_it_cost(ordered: Any) -> None:
    completion = await ordered(Played("first")).complete(REQUEST)
    assert completion.cost_nanos == completion.charged_nanos == 60 * 1000 + 40 * 250 + 10 * 4000
    completion = await ordered(Played("first"), price=None).complete(REQUEST)
    assert completion.cost_nanos is None
    completion = await ordered(Played("playbook")).complete(REQUEST)
    assert completion.cost_nanos == 0


def test_what_is_not_counted_has_no_price_and_is_charged_dearly() -> None:
    request = CompletionRequest([{"role": "user", "content": "x" * 1000}], (), "c")
    uncounted = Completion("y" * 100, [RequestedCall("search_events", "z" * 20)])
    assert cost_nanos(PRICE, uncounted) is None
    assert cost_nanos(None, uncounted) is None
    assert cost_nanos(FREE, uncounted) == 0
    counted = Completion("y" * 100, prompt_tokens=334, completion_tokens=40)
    assert largest_cost_nanos(PRICE, request, uncounted) > (cost_nanos(PRICE, counted) or 0) > 0
    assert largest_cost_nanos(None, request, uncounted) == 0


def test_prices_are_looked_up_by_the_exact_name() -> None:
    assert listed_price("google/gemini-2.5-flash") == listed_price("gemini-2.5-flash") == Price(0.3, 2.5, 0.03)
    assert listed_price("gemini-2.5-flash-preview") is None
    dearest = Completion("", prompt_tokens=100, cached_tokens=500)
    assert cost_nanos(Price(1.0, 1.0), dearest) == 100_000  # more kept than read: a server's mistake
    with pytest.raises(ValueError, match="negative"):
        Price(-1.0, 0.0)


async def test_ready_is_who_has_one_that_answers(ordered: Any) -> None:
    first, second = Played("first"), Played("second")
    first.dead = True
    models = ordered(first, second)
    await models.ping()
    second.dead = True
    with pytest.raises(UsherError):
        await models.ping()


def test_an_order_needs_models_with_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="a model"):
        ModelOrder([])
    with pytest.raises(ValueError, match="same name"):
        ModelOrder([Candidate("a", Played("a"), 1.0), Candidate("a", Played("a"), 1.0)])
