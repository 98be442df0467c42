"""The report of a rush, for a person, and its last line, for whoever compares."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from usher_local.rush.fairness import Fairness, Waits, percentile
from usher_local.rush.rush import Result
from usher_local.rush.sweep import CAP_RULES, RULES


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f}"


def _latencies(result: Result) -> Table:
    table = Table("step", "calls", "p50 ms", "p95 ms", "p99 ms", "longest", box=None, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for step, seconds in result.desk.latencies.items():
        shares = (_milliseconds(percentile(seconds, share)) for share in (0.5, 0.95, 0.99))
        table.add_row(step, f"{len(seconds):,}", *shares, _milliseconds(max(seconds)))
    return table


def _waits(label: str, waits: Waits) -> str:
    return (
        f"{label}: {waits.count}; waited p5 {waits.p5:.1f}, p50 {waits.p50:.1f}, p95 {waits.p95:.1f}, "
        f"longest {waits.longest:.1f} s"
    )


def _explain(fairness: Fairness) -> list[str]:
    return [
        f"Jain's index of the winners' waits {fairness.jain:.2f} (1: all waited equally long)",
        f"served before one who had come earlier: {fairness.overtaken:.0%} of the winners' pairs",
        f"a loser had come before a winner: {fairness.passed_over:.0%} of their pairs",
        "(0 %: a queue; 50 %: a lottery)",
    ]


def print_report(console: Console, result: Result) -> None:
    """Everything but the last line."""
    console.print(_latencies(result))
    console.print("\n[bold]Fairness[/]")
    for line in (
        _waits("buyers served", result.fairness.winners),
        _waits("buyers told sold out", result.fairness.losers),
        _waits("parties seated", result.party_waits),
        *_explain(result.fairness),
    ):
        console.print(f"  {line}", markup=False)
    console.print("\n[bold]Refusals[/] (clean ones are how a sold-out morning looks)")
    for what, count in result.desk.refusals.most_common():
        console.print(f"  {count:>7,}  {what}", markup=False)
    console.print(
        "\n[bold]Attackers[/] were refused "
        + (", ".join(f"{n:,} {c}" for c, n in result.attack.most_common()) or "nothing")
    )
    console.print("\n[bold]Invariants[/]")
    for rule in RULES:
        count = result.found.violations[rule]
        colour, mark = (
            ("red", f"{count} times, such as {result.found.examples.get(rule)}") if count else ("green", "none")
        )
        console.print(f"  {rule}: ", mark, style=colour, markup=False, highlight=False, sep="")
    console.print()


def last_line(result: Result) -> str:
    """One line with the figures that matter."""
    found, plan = result.found.violations, result.plan
    every = [seconds for step in result.desk.latencies.values() for seconds in step]
    winners = result.fairness.winners
    return ", ".join(
        (
            f"sold {result.sold} of {plan.seats}",
            f"oversold {result.oversold}",
            f"server errors {result.desk.server_errors}",
            f"unanswered {result.desk.unanswered}",
            f"violations {result.found.total}",
            f"holds beyond caps {sum(found[rule] for rule in CAP_RULES)}",
            f"parties seated {result.seated} of {plan.parties}",
            f"avoidable singles {found['an avoidable single seat left']}",
            f"charged {result.charged_minor / 100:.2f} for {result.due_minor / 100:.2f}",
            f"requests {len(every)}",
            f"p95 {_milliseconds(percentile(every, 0.95))} ms",
            f"waits spread {winners.p5:.1f} to {winners.p95:.1f} s",
            f"in {result.seconds:.0f} s",
        )
    )
