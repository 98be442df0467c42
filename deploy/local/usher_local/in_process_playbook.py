"""The offline engine as a ChatModel in this process, without the HTTP in between: for measures and tests."""

from __future__ import annotations

import json

from usher_agent.models.ports import Completion, CompletionRequest, Listener, RequestedCall
from usher_inference.completions.model import ChatRequest, Prompt, TextDelta, ToolCall
from usher_inference.playbook.engine import PlaybookEngine


class InProcessPlaybook:
    """Answers as our inference service does for the playbook; text comes in one piece."""

    def __init__(self) -> None:
        self._engine = PlaybookEngine("in-process")

    async def complete(self, request: CompletionRequest, on_text: Listener | None = None) -> Completion:
        asked = ChatRequest.model_validate(
            {
                "model": self._engine.model,
                "messages": list(request.messages),
                "tools": list(request.tools),
                "response_format": request.response_format,
            }
        )
        schema = asked.response_format.json_schema if asked.response_format else None
        tools = tuple(tool.function for tool in asked.tools or ())
        text, calls = "", []
        async for piece in self._engine.generate(Prompt(tuple(asked.messages), tools, json=schema)):
            if isinstance(piece, TextDelta):
                text += piece.text
            elif isinstance(piece, ToolCall):
                calls.append(RequestedCall(piece.name, json.dumps(piece.arguments)))
        if on_text is not None and text:
            on_text(text)
        return Completion(text, calls, model=self._engine.model, version="in-process")

    async def ping(self) -> None: ...

    async def close(self) -> None: ...
