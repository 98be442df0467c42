"""Runs the harness of the peers, which stands outside this repository, with a target of ours in the same run."""

from __future__ import annotations

import argparse
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def measure(description: str | None, target: str, options: Sequence[str] = ()) -> int:
    """The exit status of a run with `benchmarks/peers/<target>.json` and the harness's own `options`.

    USHER_PEERS names the harness's folder. Without one there is nothing to compare with: that is said, and no failure.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", default="3")
    parser.add_argument("--only", help="comma-separated targets; all when absent")
    arguments = parser.parse_args()
    peers = Path(os.environ.get("USHER_PEERS", ROOT.parent / "shared" / "peers"))
    if not (peers / "run.sh").exists():
        print(f"the peers are not in {peers}; set USHER_PEERS to their folder")
        return 0
    file = str(ROOT / f"benchmarks/peers/{target}.json")
    command = [str(peers / "run.sh"), *options, "--target", file, "--rounds", arguments.rounds]
    if arguments.only:
        command += ["--only", arguments.only]
    return subprocess.run(command, env={**os.environ, "USHER_ROOT": str(ROOT)}, check=False).returncode
