"""What the gateway alone costs: against LiteLLM's proxy and a FastAPI + httpx pass-through, in one run.

A request is one completion through the peer, with its key checked; for Usher it is one `POST /chat` with key, rate
limit, request ids and trace, its agent being a stub that answers at once, as the peers' model does. The harness and the
peers stand outside this repository: USHER_PEERS names their folder, `./setup.sh` there installs them. "turns" in the
table are requests.

usage: gateway.py [--rounds 3] [--only direct,gateway-floor,litellm-proxy,usher-gateway]
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
    target = ROOT / "benchmarks/peers/usher-gateway.json"
    command = [str(peers / "run.sh"), "--group", "gateway", "--target", str(target), "--rounds", arguments.rounds]
    if arguments.only:
        command += ["--only", arguments.only]
    return subprocess.run(command, env={**os.environ, "USHER_ROOT": str(ROOT)}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
