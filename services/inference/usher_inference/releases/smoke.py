"""Whether a release that was just loaded answers as it has to, before a customer asks it anything."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

from pydantic import ValidationError

from usher_inference.completions.model import (
    CallPiece,
    Delta,
    FunctionSpec,
    Message,
    Prompt,
    SamplingWishes,
    TextDelta,
    ToolCall,
    ToolSpec,
)
from usher_inference.completions.ports import Engine
from usher_inference.releases.model import ReleaseRefused
from usher_shared.contracts.releases import Release, SmokeCase
from usher_shared.errors import UsherError

_TOKENS = 512
_USUAL = (SmokeCase(messages=[{"role": "user", "content": "Hello"}]),)


async def check(engine: Engine, release: Release, *, seconds: float) -> None:
    """Every case of the release, or one greeting where it has none, each within so many seconds.

    Raises ReleaseRefused with the first case that fails, and how.
    """
    for number, case in enumerate(release.smoke or _USUAL, start=1):
        try:
            async with asyncio.timeout(seconds):
                wrong = await _wrong(engine, case)
        except TimeoutError:
            wrong = f"no whole answer within {seconds:g} s"
        except UsherError as error:
            wrong = error.detail
        except ValidationError as error:
            wrong = f"the case itself cannot be understood: {error.errors()[0]['msg']}"
        except Exception as error:  # whatever an engine breaks with is the release's fault
            wrong = f"{type(error).__name__}: {error}"
        if wrong is not None:
            raise ReleaseRefused(release.version, "smoke", f"case {number}: {wrong}"[:500], release.sha256)


async def _wrong(engine: Engine, case: SmokeCase) -> str | None:
    tools = tuple(ToolSpec.model_validate(tool).function for tool in case.tools)
    messages = tuple(Message.model_validate(each) for each in case.messages)
    prompt = Prompt(messages, tools, sampling=SamplingWishes(temperature=0.0), max_tokens=_TOKENS)
    text, calls = "", _Calls()
    # every engine's iterator is a generator, which has to be closed for its work to end
    async with aclosing(cast("AsyncGenerator[Delta, None]", engine.generate(prompt))) as pieces:
        async for piece in pieces:
            if isinstance(piece, TextDelta):
                text += piece.text
            else:
                calls.take(piece)
    if case.expects == "tool_call":
        return calls.wrong(case.tool, tools)
    return None if text.strip() else "it said nothing"


class _Calls:
    def __init__(self) -> None:
        self._whole: list[tuple[str, str]] = []
        self._pieces: dict[int, tuple[str, str]] = {}

    def take(self, piece: Delta) -> None:
        if isinstance(piece, ToolCall):
            self._whole.append((piece.name, json.dumps(piece.arguments)))
        elif isinstance(piece, CallPiece):
            name, arguments = self._pieces.get(piece.index, ("", ""))
            self._pieces[piece.index] = (name or piece.name or "", arguments + piece.arguments)

    def wrong(self, tool: str | None, offered: tuple[FunctionSpec, ...]) -> str | None:
        """What is wrong with the first call: its name, or arguments that lack what the tool requires."""
        made = [*self._whole, *self._pieces.values()]
        if not made:
            return "it called no tool"
        name, arguments = made[0]
        spec = next((each for each in offered if each.name == name), None)
        if spec is None or (tool is not None and name != tool):
            return f"it called {name}" if tool is None else f"it called {name}, not {tool}"
        return _wrong_arguments(arguments, spec.parameters)


def _wrong_arguments(text: str, schema: dict[str, Any]) -> str | None:
    try:
        arguments = json.loads(text)
    except ValueError:
        return "its arguments are no JSON"
    if not isinstance(arguments, dict):
        return "its arguments are no object"
    missing = [name for name in schema.get("required", ()) if name not in arguments]
    return f"its arguments lack {', '.join(missing)}" if missing else None
