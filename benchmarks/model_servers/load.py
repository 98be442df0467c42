"""Conversations' first turns over HTTP, streamed, so many at once: tokens a second and how long each waits."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from model_servers.running import HOST, MODEL, Server


@dataclass(slots=True)
class Round:
    """What one server did in one round. Times in seconds."""

    tokens: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    first: list[float] = field(default_factory=list)
    between: list[float] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1] if len(values) > 1 else values[0]


async def measure(server: Server, questions: Sequence[str], streams: int, tokens: int) -> Round:
    """Every question once, `streams` at a time; the clock runs from the first request to the last answer."""
    done = Round()
    waiting = iter(questions)
    headers = {"Authorization": f"Bearer {server.key}"} if server.key else {}
    # one line of a stream may hold the whole of a long answer
    async with aiohttp.ClientSession(headers=headers, read_bufsize=1 << 20) as session:
        processor, began = server.processor, time.monotonic()
        await asyncio.gather(*(_one_after_another(session, server, waiting, tokens, done) for _ in range(streams)))
        done.seconds, done.processor = time.monotonic() - began, server.processor - processor
    return done


async def _one_after_another(
    session: aiohttp.ClientSession, server: Server, waiting: Any, tokens: int, done: Round
) -> None:
    for question in waiting:
        body = {
            "model": MODEL,
            "messages": [{"role": "user", "content": question}],
            "max_tokens": tokens,
            "temperature": 0,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        sent = last = time.monotonic()
        pieces: list[str] = []
        async with session.post(f"http://{HOST}:{server.port}/v1/chat/completions", json=body) as answer:
            if answer.status != 200:
                raise SystemExit(f"{answer.status}: {await answer.text()}")
            async for line in answer.content:
                if not line.startswith(b"data: {"):
                    continue
                chunk = json.loads(line[6:])
                if "error" in chunk:
                    raise SystemExit(str(chunk))
                if chunk.get("usage"):
                    done.tokens += chunk["usage"]["completion_tokens"]
                for choice in chunk["choices"]:
                    if text := choice["delta"].get("content"):
                        now = time.monotonic()
                        (done.between if pieces else done.first).append(now - (last if pieces else sent))
                        last = now
                        pieces.append(text)
        done.texts[question] = "".join(pieces)
