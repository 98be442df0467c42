"""The playbook as an engine: its next act, as a stream of pieces."""

import re
from collections.abc import AsyncIterator

from usher_inference.completions.model import Delta, Prompt, TextDelta, ToolCall
from usher_inference.playbook.acts import Call
from usher_inference.playbook.forced import force_call
from usher_inference.playbook.policy import next_act
from usher_inference.playbook.routing import answer_json
from usher_inference.playbook.transcript import Heard, HeardCall

_CHARACTERS_A_TOKEN = 4  # about what common tokenizers make of English
_WORDS = re.compile(r"\s*(?:\S+\s+){0,2}\S+\s*|\s+")


class PlaybookEngine:
    """Deterministic and stateless; answers in microseconds to a few milliseconds."""

    model = "usher-playbook"

    def __init__(self, version: str) -> None:
        self._version = version

    @property
    def version(self) -> str:
        return self._version

    def count_tokens(self, text: str) -> int:
        return -(-len(text) // _CHARACTERS_A_TOKEN)

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        heard = [
            Heard(
                role=message.role,
                text=message.text(),
                calls=tuple(HeardCall(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or ()),
                answers=message.tool_call_id or "",
            )
            for message in prompt.messages
        ]
        if prompt.json is not None:
            yield TextDelta(answer_json(heard, prompt.json).model_dump_json())
            return
        offered = {tool.name: tool.parameters for tool in prompt.tools}
        act = next_act(heard, frozenset(offered))
        if prompt.forced and not isinstance(act, Call):
            act = force_call(heard, offered)
        if isinstance(act, Call):
            yield ToolCall(act.tool, act.arguments)
            return
        for words in _WORDS.finditer(act.text):
            yield TextDelta(words.group())
