"""How long a prompt is, for engines that do not say it themselves."""

from collections.abc import Callable

import orjson

from usher_inference.completions.model import Prompt

_TOKENS_A_MESSAGE = 4  # what chat templates put around one


def count_prompt(prompt: Prompt, count: Callable[[str], int]) -> int:
    """The tokens of what was said, of the calls in it and of the tools on offer; `count` measures one text."""
    total = _TOKENS_A_MESSAGE * len(prompt.messages)
    for message in prompt.messages:
        total += count(message.text())
        for call in message.tool_calls or ():
            total += count(call.function.name + call.function.arguments)
    for tool in prompt.tools:
        total += count(tool.name + tool.description + orjson.dumps(tool.parameters).decode())
    return total
