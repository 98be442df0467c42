"""The playbook as an engine: its next act, as a stream of pieces."""

import re
from collections.abc import AsyncIterator, Sequence

import orjson

from usher_inference.completions.counting import CHARACTERS_A_TOKEN, count_prompt, estimate_tokens
from usher_inference.completions.model import Delta, Finished, FinishReason, Prompt, TextDelta, ToolCall, Usage
from usher_inference.playbook.acts import Call
from usher_inference.playbook.forced import force_call
from usher_inference.playbook.policy import next_act
from usher_inference.playbook.routing import answer_json
from usher_inference.playbook.transcript import Heard, HeardCall
from usher_shared.errors import InvalidRequest

_WORDS = re.compile(r"\s*(?:\S+\s+){0,2}\S+\s*|\s+")


class PlaybookEngine:
    """Deterministic and stateless; answers in microseconds to a few milliseconds. It samples nothing."""

    def __init__(self, version: str, model: str = "usher-playbook") -> None:
        self._version = version
        self._model = model

    @property
    def model(self) -> str:
        return self._model

    @property
    def version(self) -> str:
        return self._version

    def count_tokens(self, text: str) -> int:
        return estimate_tokens(text)

    async def generate(self, prompt: Prompt) -> AsyncIterator[Delta]:
        if prompt.top_logprobs is not None:
            raise InvalidRequest("the playbook has no log probabilities", extra={"param": "logprobs"})
        heard = _hear(prompt)
        if prompt.json is not None:
            text = answer_json(heard, prompt.json).model_dump_json()
            yield TextDelta(text)
            yield Finished("stop", Usage(count_prompt(prompt, estimate_tokens), estimate_tokens(text)))
            return
        offered = {tool.name: tool.parameters for tool in prompt.tools}
        act = next_act(heard, frozenset(offered))
        if prompt.forced and not isinstance(act, Call):
            act = force_call(heard, offered)
        if isinstance(act, Call):
            yield ToolCall(act.tool, act.arguments)
            length = estimate_tokens(act.tool) + estimate_tokens(orjson.dumps(act.arguments).decode())
            yield Finished("tool_calls", Usage(count_prompt(prompt, estimate_tokens), length))
            return
        text, reason = _fit(act.text, prompt.max_tokens)
        for words in _WORDS.finditer(text):
            yield TextDelta(words.group())
        yield Finished(reason, Usage(count_prompt(prompt, estimate_tokens), estimate_tokens(text)))


def _hear(prompt: Prompt) -> Sequence[Heard]:
    return [
        Heard(
            role=message.role,
            text=message.text(),
            calls=tuple(HeardCall(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or ()),
            answers=message.tool_call_id or "",
        )
        for message in prompt.messages
    ]


def _fit(text: str, max_tokens: int | None) -> tuple[str, FinishReason]:
    if max_tokens is None or len(text) <= max_tokens * CHARACTERS_A_TOKEN:
        return text, "stop"
    return text[: max_tokens * CHARACTERS_A_TOKEN], "length"
