"""What the gateway alone costs: against LiteLLM's proxy and a FastAPI + httpx pass-through, in one run.

A request is one completion through the peer, with its key checked; for Usher it is one `POST /chat` with key, rate
limit, request ids and trace, its agent being a stub that answers at once, as the peers' model does. The harness and the
peers stand outside this repository: USHER_PEERS names their folder, `./setup.sh` there installs them. "turns" in the
table are requests.

usage: gateway.py [--rounds 3] [--only direct,gateway-floor,litellm-proxy,usher-gateway]
"""

from __future__ import annotations

import sys

from peers.harness import measure

if __name__ == "__main__":
    sys.exit(measure(__doc__, "usher-gateway", ["--group", "gateway"]))
