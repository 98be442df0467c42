"""What one chat turn costs: gateway + agent against existing agent stacks, in one run.

A turn is three model calls and two tool calls with the history kept; model and tools are stubs, so the stack is
what is measured. The harness and the peers (ADK, LangGraph, OpenAI Agents, pydantic-ai, and bounds without
persistence) stand outside this repository: USHER_PEERS names their folder, `./setup.sh` there installs them. Prints
the harness's table, whose columns are ratios to the limit and to FastAPI with httpx and aiohttp.

usage: chat_turn.py [--rounds 3] [--only limit,floor-aiohttp,usher]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", default="3")
    parser.add_argument("--only", help="comma-separated targets; all when absent")
    arguments = parser.parse_args()
    peers = Path(os.environ.get("USHER_PEERS", ROOT.parent / "shared" / "peers"))
    if not (peers / "run.sh").exists():
        print(f"the peers are not in {peers}; set USHER_PEERS to their folder")
        return 0
    command = [
        str(peers / "run.sh"),
        "--target",
        str(ROOT / "benchmarks/peers/usher.json"),
        "--rounds",
        arguments.rounds,
    ]
    if arguments.only:
        command += ["--only", arguments.only]
    return subprocess.run(command, env={**os.environ, "USHER_ROOT": str(ROOT)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
