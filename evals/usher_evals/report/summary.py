"""The figures of an examination, as `summary.json` holds them."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from math import comb
from typing import Any

from usher_evals.running import Run
from usher_evals.tasks.model import Family

K = (1, 2, 3, 4)
Json = dict[str, Any]


def pass_k(successes: int, trials: int, k: int) -> float | None:
    """The chance that k trials drawn from these all succeed: C(c, k) / C(n, k); None where there are fewer than k."""
    return comb(successes, k) / comb(trials, k) if trials >= k else None


def summarise(runs: Sequence[Run], **about: Any) -> Json:
    """All figures, in all and by family. `about` says what was examined: split, trials, seed, agent, model …"""
    by_family: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_family[run.task.family.value].append(run)
    return {
        **about,
        **figures(runs),
        "models": dict(Counter(entry.model for run in runs for entry in run.seen.entries if entry.model)),
        "families": {family.value: figures(by_family[family.value]) for family in Family if family.value in by_family},
        "failures": [_failure(run) for run in runs if not run.reward],
        "results": _results(runs),
    }


def figures(runs: Sequence[Run]) -> Json:
    """Tasks, trials, pass^k, violations, unresolved, turns and tool calls a task, latency of an answer in ms."""
    rewards: dict[str, list[int]] = defaultdict(list)
    for run in runs:
        rewards[run.task.id].append(run.reward)
    found: Json = {"tasks": len(rewards), "runs": len(runs)}
    for k in K:
        shares = [pass_k(sum(of_task), len(of_task), k) for of_task in rewards.values()]
        found[f"pass_{k}"] = (
            None if not shares or None in shares else statistics.fmean(s for s in shares if s is not None)
        )
    seconds = sorted(second for run in runs for second in run.latencies)
    return found | {
        "violations": sum(len(run.verdict.violations) for run in runs),
        "unresolved": sum(run.ending == "unresolved" for run in runs),
        "broken": sum(run.ending == "broken" for run in runs),
        "faults_not_met": sum(run.seen.fault_happened is False for run in runs),
        "turns": _mean(run.turns for run in runs),
        "tool_calls": _mean(run.tool_calls for run in runs),
        "latency_ms": {"p50": _quantile(seconds, 0.5), "p95": _quantile(seconds, 0.95)},
    }


def _results(runs: Sequence[Run]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for run in sorted(runs, key=lambda run: (run.task.id, run.trial)):
        entry = found.setdefault(run.task.id, {"family": run.task.family.value, "rewards": []})
        entry["rewards"].append(run.reward)
    return found


def _failure(run: Run) -> Json:
    why = [*run.verdict.violations, *run.verdict.misses]
    return {"task": run.task.id, "trial": run.trial, "ending": run.ending, "why": why}


def _mean(values: Iterable[int]) -> float:
    found = list(values)
    return round(statistics.fmean(found), 2) if found else 0.0


def _quantile(seconds: Sequence[float], share: float) -> float:
    """In milliseconds; of sorted values."""
    if not seconds:
        return 0.0
    return round(seconds[min(len(seconds) - 1, int(share * len(seconds)))] * 1000, 1)


def shortfalls(summary: Mapping[str, Any], least: Mapping[str, float]) -> list[str]:
    """What keeps an examination from passing: violations, and figures below what was asked for."""
    found = [f"{summary['violations']} violations"] if summary["violations"] else []
    for name, bound in least.items():
        value = summary[name]
        if name == "unresolved":
            share = summary["unresolved"] / max(1, summary["runs"])
            found += [f"unresolved {share:.2%} is above {bound:.2%}"] if share > bound else []
        elif value is None or value < bound:
            found.append(f"{name} {'is not known' if value is None else f'{value:.3f}'} is below {bound}")
    return found
