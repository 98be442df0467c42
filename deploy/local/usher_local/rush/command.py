"""`usher rush`: a box office of its own, the rush, the report, the exit code."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rich.console import Console

from usher_local.rush.desk import Desk
from usher_local.rush.plan import Plan
from usher_local.rush.processes import running_box_office
from usher_local.rush.report import last_line, print_report
from usher_local.rush.rush import import_plan, run_rush


async def rush(console: Console, plan: Plan, processes: int, emulator: str | None = None) -> int:
    """Run it in a temporary folder; 1 if any invariant was broken."""
    console.print(
        f"{plan.buyers} buyers for {plan.seats} seats, {plan.parties} parties for one section, "
        f"{plan.attackers} attackers; {processes} processes on {'Firestore' if emulator else 'one SQLite file'}; "
        f"seed {plan.seed}"
    )

    def tell(line: str) -> None:
        console.out(line, highlight=False)

    with tempfile.TemporaryDirectory(prefix="usher-rush-") as name:
        async with running_box_office(Path(name), processes, plan.settings(), emulator) as office:
            await import_plan(plan, office.urls[0], office.stack.tokens("cli"))
            async with Desk(office.urls, office.stack.tokens("agent")) as desk, office.stores() as stores:
                result = await run_rush(plan, desk, stores, tell, lambda: office.died)
    print_report(console, result)
    console.out(last_line(result), highlight=False)  # as it is: one line, however narrow the terminal
    return 1 if result.found.total else 0
