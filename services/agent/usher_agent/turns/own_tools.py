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

    It is run as a read: at once, maybe beside other reads of the same step, and again when the turn is repeated. So
    it must not charge, hold or tell anybody. A raised UsherError becomes an answer that the model can read.
    """

    name: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Turn, Arguments], Awaitable[dict[str, Any]]]

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
