"""Tool results as the protocol shows them."""

from __future__ import annotations

from typing import Any

import orjson
from mcp.types import CallToolResult, TextContent
from pydantic import ValidationError

from usher_shared.contracts.proposals import PROPOSAL_META, REPLAYED_META, ProposalAnswer
from usher_shared.errors import UsherError
from usher_tools.toolbox.service import ToolResult

_HOW_TO_CONFIRM = (
    "the customer has to approve exactly this: POST /confirmations/{id} with the decision approve or reject; "
    "the same call again tells what became of it"
)


def succeeded(result: ToolResult) -> CallToolResult:
    """The answer as structured content, and as text for those that read text alone."""
    meta = {REPLAYED_META: True} if result.replayed else None
    return CallToolResult(content=[_text(result.body)], structured_content=result.body, _meta=meta)


def refused(error: UsherError) -> CallToolResult:
    """A refusal as the model may read it: the problem's code and detail."""
    problem = {"code": error.code, "detail": error.detail, **error.extra}
    if error.retry_after_seconds is not None:
        problem["retry_after_seconds"] = error.retry_after_seconds
    return _error(problem)


def proposed(meta: dict[str, Any]) -> CallToolResult | None:
    """What the agent answered about a protected action, as the gateway handed it in; None without any."""
    handed = meta.get(PROPOSAL_META)
    if not isinstance(handed, dict):
        return None
    if "problem" in handed:
        return _error(handed["problem"])
    try:
        answer = ProposalAnswer.model_validate(handed)
    except ValidationError:
        return None
    if answer.status == "done":
        return succeeded(ToolResult(answer.answer, replayed=False))
    asked = answer.model_dump(mode="json", include={"confirmation", "conversation_id"})
    return _error({"code": "confirmation_required", "detail": _HOW_TO_CONFIRM, **asked})


def _error(problem: Any) -> CallToolResult:
    # text alone: structured content would have to fit the tool's output schema
    return CallToolResult(content=[_text(problem)], is_error=True)


def _text(value: Any) -> TextContent:
    return TextContent(type="text", text=orjson.dumps(value).decode())
