"""Which tools a model is offered, and what a call of it has to look like before it is run."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import orjson
from pydantic import ValidationError

from usher_shared.contracts.confirmations import PROTECTED_ACTIONS
from usher_shared.contracts.tools import TOOLS, tool_schemas
from usher_shared.contracts.tools.offering import (
    IDENTITY_FIELDS,
    TEXT_FIELDS,
    Kind,
    fill_in,
    kind_of,
    offered_parameters,
)
from usher_shared.personal import redact

# the code of an action that has ended, and of which only a person finds out what became
UNRESOLVED = "outcome_unresolved"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call as the model made it; `arguments` is its unparsed JSON text, `id` is ours."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Identity:
    """What the agent fills in, whatever the model wrote."""

    customer_id: str
    payment_method_token: str


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """A call that fits its schema. `shown` are the arguments without those the agent filled in."""

    call: ToolCall
    kind: Kind
    arguments: dict[str, Any]
    shown: dict[str, Any]


class InvalidCall(Exception):
    """The call cannot be run; `code` and `detail` are fed back to the model."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@cache
def offered_tools() -> list[dict[str, Any]]:
    """The box office's tools as a model is offered them: without the parameters that the agent fills in."""
    schemas = copy.deepcopy(tool_schemas())
    for schema in schemas:
        function = schema["function"]
        function["parameters"] = offered_parameters(function["name"])
    return schemas


def prepare_call(call: ToolCall, identity: Identity, own_names: Iterable[str] = ()) -> PreparedCall:
    """The box office call with parsed, validated arguments and the session's identity. Raises InvalidCall.

    `own_names` are tools beside the box office's, named to a model that asked for one that does not exist.
    """
    if call.name not in TOOLS:
        there_are = ", ".join([*TOOLS, *own_names])
        raise InvalidCall("unknown_tool", f"there is no tool {call.name[:64]!r}; there are {there_are}")
    complete = check_arguments(call.name, parse_arguments(call), identity)
    shown = {key: value for key, value in complete.items() if key not in IDENTITY_FIELDS}
    return PreparedCall(call, kind_of(call.name), complete, shown)


def parse_arguments(call: ToolCall) -> dict[str, Any]:
    """The JSON object that the model wrote. Raises InvalidCall."""
    try:
        arguments = orjson.loads(call.arguments or "{}")
    except orjson.JSONDecodeError as error:
        raise InvalidCall("invalid_arguments", f"the arguments are not valid JSON: {error}") from error
    if not isinstance(arguments, dict):
        raise InvalidCall("invalid_arguments", "the arguments have to be a JSON object")
    return arguments


def describe_problems(error: ValidationError) -> str:
    """What is wrong with which argument, in words that the model can use."""
    return "; ".join(f"{'.'.join(map(str, e['loc'])) or 'arguments'}: {e['msg']}" for e in error.errors()[:8])


def check_arguments(name: str, arguments: Mapping[str, Any], identity: Identity) -> dict[str, Any]:
    """Arguments of a known tool, validated, nulls dropped, identity overwritten. Raises InvalidCall.

    What is words goes out without personal data: it stays with the order or ticket when the conversation is erased.
    """
    given = fill_in(
        name, arguments, customer_id=identity.customer_id, payment_method_token=identity.payment_method_token
    )
    if name == "quote" and isinstance(given.get("arguments"), dict):
        action = given.get("action")
        if isinstance(action, str) and action in TOOLS and action in PROTECTED_ACTIONS:
            given["arguments"] = check_arguments(action, given["arguments"], identity)
    for field in TEXT_FIELDS:
        if isinstance(given.get(field), str):
            given[field] = redact(given[field])
    try:
        valid = TOOLS[name].arguments.model_validate(given)
    except ValidationError as error:
        raise InvalidCall("invalid_arguments", describe_problems(error)) from error
    return valid.model_dump(mode="json", exclude_none=True)
