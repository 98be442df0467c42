"""Tools that the agent answers itself: offered beside the box office's, checked and recorded like its reads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from usher_agent.boxoffice.model import (
    InvalidCall,
    PreparedCall,
    ToolCall,
    describe_problems,
    offered_tools,
    parse_arguments,
)
from usher_agent.boxoffice.service import ToolOutcome, describe_error
from usher_agent.turns.model import Turn
from usher_shared.errors import UsherError

Arguments = TypeVar("Arguments", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class OwnTool(Generic[Arguments]):
    """One such tool. `run` gets the turn and the checked arguments; its answer is JSON.

    It is run like a read: at once, maybe beside reads of the same step, and again when its process dies before the
    answer is stored. It may change the turn, and what the agent itself keeps of the customer, in a way that bears
    repetition; the box office never hears of it. A raised UsherError becomes an answer that the model can read.

    `restore` is for a turn that is taken up after the call was answered: it gets that outcome, and does to the turn
    what `run` did. Without it `run` itself is run again, whose answer nobody reads.
    """

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Turn, Arguments], Awaitable[dict[str, Any]]]
    restore: Callable[[Turn, Arguments, ToolOutcome], None] | None = None

    def schema(self) -> dict[str, Any]:
        """As OpenAI's `tools` entry: {"type": "function", "function": {name, description, parameters}}."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        parameters.pop("description", None)
        return {
            "type": "function",
            "function": {"name": self.name, "description": self.description, "parameters": parameters},
        }


OwnTools = Mapping[str, OwnTool[Any]]


@dataclass(frozen=True, slots=True)
class OwnCall(PreparedCall):
    """A checked call of an own tool; `given` is an instance of the tool's model."""

    tool: OwnTool[Any]
    given: BaseModel


def all_offered(own: OwnTools) -> list[dict[str, Any]]:
    """The `tools` of every completion request: the box office's and these. Built once per process."""
    return [*offered_tools(), *(tool.schema() for tool in own.values())]


def prepare_own(call: ToolCall, tool: OwnTool[Any]) -> OwnCall:
    """The call with checked arguments. Raises InvalidCall."""
    given = {key: value for key, value in parse_arguments(call).items() if value is not None}
    try:
        valid = tool.arguments.model_validate(given)
    except ValidationError as error:
        raise InvalidCall("invalid_arguments", describe_problems(error)) from error
    shown = valid.model_dump(mode="json", exclude_none=True)
    return OwnCall(call, "read", shown, shown, tool, valid)


async def run_own(turn: Turn, item: OwnCall, *, timeout_seconds: float) -> ToolOutcome:
    """Run it; a refusal or a lack of time is an answer too."""
    started = time.perf_counter()
    status = "ok"
    try:
        async with asyncio.timeout(timeout_seconds):
            answer = await item.tool.run(turn, item.given)
    except UsherError as error:
        status = "refused" if error.http_status in (401, 403) else "error"
        answer = describe_error(error)
    except TimeoutError:
        status = "error"
        answer = {"error": "upstream_timeout", "detail": f"{item.tool.name} took too long"}
    return ToolOutcome(status, answer, (time.perf_counter() - started) * 1000)


async def restore_own(turn: Turn, item: OwnCall, outcome: ToolOutcome, *, timeout_seconds: float) -> None:
    """Make the turn what it was after that call, which an earlier process ran."""
    if item.tool.restore is not None:
        item.tool.restore(turn, item.given, outcome)
    else:
        await run_own(turn, item, timeout_seconds=timeout_seconds)
