"""Gateway, agent and bus alone, against a model and tools that stand elsewhere: what `chat_turn.py` measures.

usage: turn_stack.py --port PORT --home FOLDER   (MODEL_URL and TOOLS_URL name the model's /v1 and the tools)
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from pathlib import Path

from usher_local.supervisor import running_stack


async def serve(port: int, home: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running_stack(home, {"gateway": port, "agent": 0, "bus": 0}, print):
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    arguments = parser.parse_args()
    os.environ["USHER_AGENT_MODEL_URL"] = os.environ["MODEL_URL"]
    os.environ["USHER_AGENT_TOOLS_URL"] = os.environ["TOOLS_URL"]
    os.environ.setdefault("USHER_LOG_LEVEL", "WARNING")
    asyncio.run(serve(arguments.port, arguments.home.resolve()))


if __name__ == "__main__":
    main()
