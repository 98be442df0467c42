"""How long a prompt is, for engines that do not say it themselves."""

from collections.abc import Callable
from typing import Any

import orjson

from usher_inference.completions.model import Prompt
from usher_shared.errors import InvalidRequest

CHARACTERS_A_TOKEN = 4  # about what common tokenizers make of English
_TOKENS_A_MESSAGE = 4  # what chat templates put around one


def estimate_tokens(text: str) -> int:
    """For engines without a tokenizer."""
    return -(-len(text) // CHARACTERS_A_TOKEN)


def count_prompt(prompt: Prompt, count: Callable[[str], int]) -> int:
    """The tokens of what was said, of the calls in it and of the tools on offer; `count` measures one text.

    Raises InvalidRequest for a schema that is nested too deeply to be written.
    """
    total = _TOKENS_A_MESSAGE * len(prompt.messages)
    for message in prompt.messages:
        total += count(message.text())
        for call in message.tool_calls or ():
            total += count(call.function.name + call.function.arguments)
    for tool in prompt.tools:
        total += count(tool.name + tool.description + _written(tool.parameters))
    return total


def _written(schema: dict[str, Any]) -> str:
    try:
        return orjson.dumps(schema).decode()
    except orjson.JSONEncodeError as error:
        raise InvalidRequest("a tool's schema is nested too deeply", extra={"param": "tools"}) from error
