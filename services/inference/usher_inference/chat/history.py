"""A conversation for a template, with nothing in it that a model could take for a control token.

Only the template writes `<|im_start|>`, `<tool_call>` and their like. Where a customer's words, a tool's result or a
description contain one, a zero-width space after its first letter makes ordinary text of it: readable, and no token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from usher_inference.chat.marks import THINK, THINK_END
from usher_inference.completions.model import FunctionSpec, Message

_BREAK = "\N{ZERO WIDTH SPACE}"
_ROLES = {"developer": "system", "function": "tool"}
_THOUGHTS = re.compile(rf"\A\s*{THINK}.*?{THINK_END}\s*", re.DOTALL)


class Neutraliser:
    """Takes control tokens out of text from outside."""

    def __init__(self, control: Iterable[str]) -> None:
        names = "|".join(re.escape(name) for name in sorted(control, key=len, reverse=True))
        # looks ahead, so that of two names that overlap both are broken
        self._names = re.compile(rf"(?=(?:{names}))(.)", re.DOTALL)
        self._first = {name[0] for name in control}

    def text(self, text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:  # half of a character, as JSON's escapes can write it
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if not any(letter in text for letter in self._first):
            return text
        return self._names.sub(rf"\1{_BREAK}", text)

    def value(self, value: Any) -> Any:
        """The same for every text in a JSON value, keys included."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {self.text(key): self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def messages(self, messages: Sequence[Message], system_prompt: str | None = None) -> list[dict[str, Any]]:
        """The messages as a template takes them; `system_prompt` comes first where they have none of their own."""
        shown = [self._message(message) for message in messages]
        if system_prompt and not any(message["role"] == "system" for message in shown):
            shown.insert(0, {"role": "system", "content": self.text(system_prompt)})
        return shown

    def tools(self, tools: Sequence[FunctionSpec]) -> list[dict[str, Any]]:
        """The tools as a template takes them."""
        return [
            {
                "type": "function",
                "function": {
                    "name": self.text(tool.name),
                    "description": self.text(tool.description),
                    "parameters": self.value(tool.parameters),
                },
            }
            for tool in tools
        ]

    def _message(self, message: Message) -> dict[str, Any]:
        role = _ROLES.get(message.role, message.role)
        text = message.text()
        if role == "assistant":
            text = _THOUGHTS.sub("", text)
        shown: dict[str, Any] = {"role": role, "content": self.text(text)}
        if message.name:
            shown["name"] = self.text(message.name)
        if message.tool_calls:
            shown["tool_calls"] = [
                {
                    "type": "function",
                    "function": {
                        "name": self.text(call.function.name),
                        "arguments": self.value(_arguments(call.function.arguments)),
                    },
                }
                for call in message.tool_calls
            ]
        return shown


def _arguments(text: str) -> Any:
    """An object where it is one; templates write it as the model was taught to."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return value if isinstance(value, dict) else text
