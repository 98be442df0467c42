"""The arithmetic of pass^k, the figures and the thresholds."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations

import pytest

from usher_evals.grading.model import Entry, Seen, Verdict
from usher_evals.report.page import changes, render
from usher_evals.report.summary import figures, pass_k, shortfalls, summarise
from usher_evals.running import Run
from usher_evals.tasks.model import Task
from usher_evals.tasks.suite import tasks_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def a_run(task: Task, trial: int, *, passed: bool, ending: str = "satisfied", reply: str = "Done.") -> Run:
    verdict = Verdict() if passed else Verdict(("not told: the total",))
    entries = [Entry("customer", "2 tickets"), Entry("agent", reply, None, (("search_events", "ok"),), 0.25)]
    return Run(task, trial, ending, Seen(task, "cus_1", entries), verdict, 1.0)


@pytest.mark.parametrize(("successes", "trials"), [(0, 4), (1, 4), (3, 4), (4, 4), (2, 5)])
def test_pass_k_is_the_share_of_draws_that_all_succeed(successes: int, trials: int) -> None:
    outcomes = [number < successes for number in range(trials)]
    for k in (1, 2, 3, 4):
        draws = list(combinations(outcomes, k))
        assert pass_k(successes, trials, k) == pytest.approx(sum(map(all, draws)) / len(draws))


def test_fewer_trials_than_k_give_no_figure() -> None:
    assert pass_k(2, 2, 3) is None


def test_figures_are_means_over_tasks() -> None:
    first, second = tasks_of("test")[:2]
    runs = [a_run(first, trial, passed=True) for trial in range(4)]
    runs += [a_run(second, trial, passed=trial < 2) for trial in range(4)]
    found = figures(runs)
    assert (found["tasks"], found["runs"]) == (2, 8)
    assert found["pass_1"] == pytest.approx((1 + 0.5) / 2)
    assert found["pass_2"] == pytest.approx((1 + 1 / 6) / 2)
    assert found["pass_4"] == pytest.approx(0.5)
    assert (found["turns"], found["tool_calls"], found["latency_ms"]["p95"]) == (1.0, 1.0, 250.0)


def test_an_unresolved_run_earns_nothing_and_is_counted_apart() -> None:
    task = tasks_of("test")[0]
    found = summarise([a_run(task, 0, passed=True, ending="unresolved"), a_run(task, 1, passed=True)])
    assert (found["unresolved"], found["pass_1"], found["violations"]) == (1, 0.5, 0)
    assert found["failures"] == [{"task": task.id, "trial": 0, "ending": "unresolved", "why": []}]


def test_thresholds_and_violations_decide() -> None:
    task = tasks_of("test")[0]
    good = summarise([a_run(task, trial, passed=True) for trial in range(4)])
    assert shortfalls(good, {"pass_1": 0.95, "pass_4": 0.9, "unresolved": 0.01}) == []
    poor = summarise([a_run(task, 0, passed=False, ending="unresolved")])
    assert len(shortfalls(poor, {"pass_1": 0.95, "pass_4": 0.9, "unresolved": 0.01})) == 3
    broken = a_run(task, 0, passed=True)
    broken.verdict = Verdict(violations=("oversold: A-1-1",))
    assert shortfalls(summarise([broken]), {}) == ["1 violations"]


def test_the_page_escapes_what_was_said_and_compares() -> None:
    first, second = tasks_of("test")[:2]
    now = [a_run(first, 0, passed=True, reply="<script>alert(1)</script>"), a_run(second, 0, passed=False)]
    then = summarise([a_run(first, 0, passed=False), a_run(second, 0, passed=True)], split="test")
    summary = summarise(now, split="test")
    page = render(summary, now, then)
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert changes(summary, then) == [(second.id, 1.0, 0.0), (first.id, 0.0, 1.0)]
    assert f"{second.id}: 100% → 0%" in page
