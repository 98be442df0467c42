"""The gateway alone, before an agent that answers at once: what `gateway.py` measures.

usage: gateway_stack.py --port PORT --home FOLDER
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import socket
from pathlib import Path
from typing import cast

import httptools
import orjson
import uvloop

from usher_local.roots import gateway
from usher_local.serve import serve
from usher_local.stack import create_stack, listen

_ANSWER = orjson.dumps(
    {
        "conversation_id": "CONV_1",
        "message_id": "MSG_1",
        "reply": "HOLD-OK: I hold seats A-1 and A-2 for you for ten minutes, total 90.00 EUR. Shall I book them?",
        "agent": "purchase",
        "tool_calls": [],
        "confirmation": None,
        "citations": [],
        "model": {"name": "stub", "version": "1", "variant": "default"},
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }
)


class _Agent(asyncio.Protocol):
    """Every request gets the same answer, for about 0.01 ms of processor time; no pipelining."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self._parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self._transport.write(head % len(_ANSWER) + _ANSWER)


def _answer_on(listener: socket.socket) -> None:
    async def answer() -> None:
        await asyncio.get_running_loop().create_server(_Agent, sock=listener)
        await asyncio.Event().wait()

    uvloop.run(answer())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--home", type=Path, required=True)
    arguments = parser.parse_args()
    os.environ["USHER_HOME"] = str(arguments.home.resolve())
    os.environ.setdefault("USHER_LOG_LEVEL", "WARNING")
    sockets = listen({"gateway": arguments.port, "agent": 0})
    create_stack(arguments.home.resolve(), sockets)
    sockets["gateway"].close()  # bound anew by the server
    agent = multiprocessing.get_context("fork").Process(target=_answer_on, args=(sockets["agent"],), daemon=True)
    agent.start()
    serve("gateway", gateway.build)


if __name__ == "__main__":
    main()
