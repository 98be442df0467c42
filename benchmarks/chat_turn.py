"""What one chat turn costs: gateway + agent against existing agent stacks, in one run.

A turn is three model calls and two tool calls with the history kept; model and tools are stubs, so the stack is
what is measured. The harness and the peers (ADK, LangGraph, OpenAI Agents, pydantic-ai, and bounds without
persistence) stand outside this repository: USHER_PEERS names their folder, `./setup.sh` there installs them. Prints
the harness's table, whose columns are ratios to the limit and to FastAPI with httpx and aiohttp.

usage: chat_turn.py [--rounds 3] [--only limit,floor-aiohttp,usher]
"""

from __future__ import annotations

import sys

from peers.harness import measure

if __name__ == "__main__":
    sys.exit(measure(__doc__, "usher"))
