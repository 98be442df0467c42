"""The report as one HTML page that needs nothing else; everything that was said is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from usher_evals.grading.model import Entry
from usher_evals.report.summary import K
from usher_evals.running import Run

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}
body{color:#1c2430;background:#fff}
table{border-collapse:collapse;margin:1rem 0}
th,td{padding:.25rem .7rem;border-bottom:1px solid #dde3ea;text-align:right}
th:first-child,td:first-child{text-align:left}.bad{color:#b3261e}.good{color:#1b6e3c}
details{border:1px solid #dde3ea;border-radius:6px;margin:.4rem 0;padding:.3rem .7rem}summary{cursor:pointer}
.customer,.agent,.world{margin:.4rem 0;padding:.4rem .7rem;border-radius:6px;white-space:pre-wrap}
.customer{background:#e8f1fb;margin-right:20%}.agent{background:#f3f4f6;margin-left:20%}.world{color:#8a5a00;font-style:italic}
.calls{color:#5f6b7a;font-size:.85em}
@media (prefers-color-scheme:dark){body{color:#e4e8ee;background:#14181f}th,td,details{border-color:#303845}
.customer{background:#1d2f45}.agent{background:#222832}.bad{color:#ff8a80}.good{color:#7bd49a}.world{color:#e0b060}}
"""


def render(summary: Mapping[str, Any], runs: Sequence[Run], other: Mapping[str, Any] | None = None) -> str:
    """The page; `other` is an earlier summary to stand beside this one."""
    failed = [run for run in runs if not run.reward]
    passed = [run for run in runs if run.reward]
    about = ", ".join(
        f"{name} {summary[name]}" for name in ("split", "agent", "model", "trials", "seed") if name in summary
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Usher: evaluation</title>",
        "<meta name=viewport content='width=device-width'>",
        f"<style>{_STYLE}</style><h1>Evaluation</h1><p>{escape(about)}</p>",
        f"<p>answers by model: {escape(', '.join(f'{name} {count}' for name, count in summary['models'].items()))}</p>",
        families(summary),
        comparison(summary, other) if other is not None else "",
        f"<h2>Failed runs ({len(failed)})</h2>",
        *(_run(run) for run in failed),
        f"<h2>Passed runs ({len(passed)})</h2>",
        *(_run(run) for run in passed),
        "</html>",
    ]
    return "\n".join(part for part in parts if part)


def families(summary: Mapping[str, Any]) -> str:
    """The table by family, with a last row for all."""
    head = "".join(f"<th>pass^{k}</th>" for k in K)
    rows = [*summary["families"].items(), ("all", summary)]
    body = "".join(_row(name, figures) for name, figures in rows)
    return (
        f"<table><tr><th>family</th><th>tasks</th>{head}<th>violations</th><th>unresolved</th><th>turns</th>"
        f"<th>tool calls</th><th>p50 ms</th><th>p95 ms</th></tr>{body}</table>"
    )


def _row(name: str, figures: Mapping[str, Any]) -> str:
    cells = [str(figures["tasks"]), *(share(figures[f"pass_{k}"]) for k in K), str(figures["violations"])]
    cells += [str(figures["unresolved"]), str(figures["turns"]), str(figures["tool_calls"])]
    cells += [str(figures["latency_ms"]["p50"]), str(figures["latency_ms"]["p95"])]
    return f"<tr><td>{escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def share(value: float | None) -> str:
    """A share in per cent; a dash where there is none."""
    return "–" if value is None else f"{value:.1%}"


def comparison(summary: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """Two examinations side by side, and the tasks that changed."""
    rows = []
    for name, now in [*summary["families"].items(), ("all", summary)]:
        then = other if name == "all" else other["families"].get(name)
        if then is None:
            continue
        cells = [f"{share(then[f'pass_{k}'])} → {share(now[f'pass_{k}'])}" for k in (1, 4)]
        cells += [f"{then['violations']} → {now['violations']}", f"{then['unresolved']} → {now['unresolved']}"]
        cells += [f"{then['latency_ms']['p95']} → {now['latency_ms']['p95']}"]
        rows.append(f"<tr><td>{escape(name)}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    changed = "".join(
        f"<li class={'good' if after > before else 'bad'}>{escape(id)}: {before:.0%} → {after:.0%}</li>"
        for id, before, after in changes(summary, other)
    )
    return (
        "<h2>Beside the other examination</h2><table><tr><th>family</th><th>pass^1</th><th>pass^4</th>"
        f"<th>violations</th><th>unresolved</th><th>p95 ms</th></tr>{''.join(rows)}</table>"
        f"<ul>{changed or '<li>no task changed</li>'}</ul>"
    )


def changes(summary: Mapping[str, Any], other: Mapping[str, Any]) -> list[tuple[str, float, float]]:
    """(task, share of passed trials then, now) where they differ, the worst first."""
    found = []
    for id, now in summary["results"].items():
        then = other["results"].get(id)
        if then is None:
            continue
        before, after = (sum(r["rewards"]) / len(r["rewards"]) for r in (then, now))
        if before != after:
            found.append((id, before, after))
    return sorted(found, key=lambda row: (row[2] - row[1], row[0]))


def shared(summary: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[int, float, float]:
    """How many tasks both have, and the share of their runs that passed then and now, each task counting the same."""
    both = [id for id in summary["results"] if id in other["results"]]
    then, now = (
        sum(sum(one["results"][id]["rewards"]) / len(one["results"][id]["rewards"]) for id in both) / max(1, len(both))
        for one in (other, summary)
    )
    return len(both), then, now


def _run(run: Run) -> str:
    why = [*run.verdict.violations, *run.verdict.misses]
    reasons = "".join(f"<p class=bad>{escape(reason)}</p>" for reason in why)
    fault = f", {run.task.fault.trouble.value}" if run.task.fault else ""
    mark = "good" if run.reward else "bad"
    head = f"{run.task.id} · trial {run.trial + 1} · {run.ending}{fault}"
    entries = "".join(_entry(entry) for entry in run.seen.entries)
    return f"<details><summary class={mark}>{escape(head)}</summary>{reasons}{entries}</details>"


def _entry(entry: Entry) -> str:
    below = [f"{name}: {status}" for name, status in entry.calls]
    if entry.confirmation is not None:
        asked = entry.confirmation
        below.append(f"confirmation {asked['action']}, {asked['total']} {asked['currency']}")
    calls = f"<div class=calls>{escape(' · '.join(below))}</div>" if below else ""
    return f"<div class={entry.who}>{escape(entry.text)}{calls}</div>"
