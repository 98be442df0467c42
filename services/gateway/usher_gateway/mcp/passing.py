"""Messages of other agents: protected calls go to the agent first, everything to the box office.

The box office speaks the protocol; the gateway adds who is asking and, for what needs the customer's yes, what the
agent answered.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from pydantic import ValidationError

from usher_gateway.mcp.model import Message
from usher_gateway.upstream import Upstream
from usher_shared.contracts.identity import Principal
from usher_shared.contracts.proposals import ProposalRequest
from usher_shared.errors import InvalidRequest, UsherError
from usher_shared.http.client import RawAnswer


async def pass_on(
    body: bytes, headers: Mapping[str, str], principal: Principal, *, agent: Upstream, tools: Upstream
) -> RawAnswer:
    """The box office's answer, its protocol's own refusals included. Raises InvalidRequest for what is no JSON."""
    try:
        message = Message(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("the body is not valid JSON", code="invalid_json") from error
    asked = message.protected_call()
    if asked is None:
        message = message.without_proposal()
    else:
        message = message.with_proposal(await _propose(asked, principal, agent))
    return await tools.exchange("POST", "/mcp", principal, content=orjson.dumps(message.content), headers=headers)


async def _propose(asked: dict[str, object], principal: Principal, agent: Upstream) -> dict[str, object]:
    """As ProposalAnswer, or the problem that the tool call ends with."""
    try:
        request = ProposalRequest.model_validate(asked)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, e["loc"])) for e in error.errors()}))
        return {"problem": {"code": "validation_failed", "detail": f"not valid: {fields}"}}
    try:
        answer = await agent.call("POST", "/proposals", principal, content=request.model_dump_json().encode())
        proposal: dict[str, object] = orjson.loads(answer.body)
    except UsherError as error:
        problem: dict[str, object] = {"code": error.code, "detail": error.detail, **error.extra}
        if error.retry_after_seconds is not None:
            problem["retry_after_seconds"] = error.retry_after_seconds
        return {"problem": problem}
    return proposal
