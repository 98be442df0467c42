"""Running checked calls: a read once more when nothing was reached, a write again only under the same key."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from usher_agent.boxoffice.model import UNRESOLVED, PreparedCall
from usher_agent.boxoffice.ports import BoxOffice, Caller
from usher_shared.contracts.confirmations import Confirmation
from usher_shared.errors import Unavailable, UpstreamFailed, UpstreamTimeout, UsherError

_IN_FLIGHT = "idempotency_in_flight"
_IN_FLIGHT_WAITS = 3
_LONGEST_WAIT_SECONDS = 2.0


class OutcomeUnknown(Exception):
    """Neither success nor failure was learnt; the same idempotency key may be used to ask again."""

    def __init__(self, cause: UsherError) -> None:
        super().__init__(cause.detail)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """What a call came to. `status` as in ToolCallView; `answer` is what the model gets to read."""

    status: str
    answer: dict[str, Any]
    latency_ms: float


async def send_once(
    box: BoxOffice,
    tool: str,
    arguments: dict[str, Any],
    caller: Caller,
    *,
    idempotency_key: str,
    confirmation: Confirmation | None = None,
    timeout_seconds: float,
) -> dict[str, Any]:
    """Run a call with an effect at most once, whatever the network does.

    An attempt without an answer is repeated once under the same key, which yields the first one's answer if it
    succeeded. Raises OutcomeUnknown when that did not help, what the box office refused with, and its UNRESOLVED.
    """
    waits = 0
    attempts = 0
    while True:
        try:
            return await box.run(
                tool,
                arguments,
                caller,
                idempotency_key=idempotency_key,
                confirmation=confirmation,
                timeout_seconds=timeout_seconds,
            )
        except (UpstreamTimeout, Unavailable, UpstreamFailed) as error:
            attempts += 1
            if error.code == UNRESOLVED:
                raise
            if attempts > 1:
                raise OutcomeUnknown(error) from error
        except UsherError as error:
            if error.code != _IN_FLIGHT:
                raise
            waits += 1
            if waits > _IN_FLIGHT_WAITS:
                raise OutcomeUnknown(error) from error
            await asyncio.sleep(min(error.retry_after_seconds or 0.5, _LONGEST_WAIT_SECONDS))


async def _read(box: BoxOffice, call: PreparedCall, caller: Caller, timeout_seconds: float) -> dict[str, Any]:
    try:
        return await box.run(call.call.name, call.arguments, caller, timeout_seconds=timeout_seconds)
    except Unavailable:
        return await box.run(call.call.name, call.arguments, caller, timeout_seconds=timeout_seconds)


async def run_call(
    box: BoxOffice, call: PreparedCall, caller: Caller, *, idempotency_key: str, timeout_seconds: float
) -> ToolOutcome:
    """Run a read or a write; a refusal or failure is an answer too, in words the model can use."""
    started = time.perf_counter()
    status = "ok"
    try:
        if call.kind == "read":
            answer = await _read(box, call, caller, timeout_seconds)
        else:
            answer = await send_once(
                box,
                call.call.name,
                call.arguments,
                caller,
                idempotency_key=idempotency_key,
                timeout_seconds=timeout_seconds,
            )
    except OutcomeUnknown as error:
        status = "unknown"
        answer = {
            "error": "status_unknown",
            "detail": f"no answer from the box office ({error.cause.code}): it is not known whether this was done",
        }
    except UsherError as error:
        status = "refused" if error.http_status in (401, 403) else "error"
        answer = describe_error(error)
    return ToolOutcome(status, answer, (time.perf_counter() - started) * 1000)


def describe_error(error: UsherError) -> dict[str, Any]:
    """The tool message of a refused call."""
    return {"error": error.code, "detail": error.detail, **error.extra}
