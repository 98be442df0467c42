"""BoxOffice over HTTP: the tools service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usher_agent.boxoffice.ports import Caller
from usher_shared.contracts.confirmations import CONFIRMATION_HEADER, Confirmation
from usher_shared.contracts.identity import CLIENT_HEADER, CONVERSATION_HEADER, CUSTOMER_HEADER
from usher_shared.errors import UpstreamFailed, UsherError
from usher_shared.http.client import ServiceClient


class HttpBoxOffice:
    """Calls `POST /tools/{name}` of the service that `client` reaches."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def run(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        caller: Caller,
        *,
        idempotency_key: str | None = None,
        confirmation: Confirmation | None = None,
        timeout_seconds: float | None = None,
    ) -> dict[str, Any]:
        headers = {
            CLIENT_HEADER: caller.client_id,
            CUSTOMER_HEADER: caller.customer_id,
            CONVERSATION_HEADER: caller.conversation_id,
        }
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        if confirmation:
            headers[CONFIRMATION_HEADER] = confirmation.to_header()
        answer = await self._client.call(
            "POST", f"/tools/{tool}", json=arguments, headers=headers, timeout_seconds=timeout_seconds
        )
        if not isinstance(answer, dict):
            raise UpstreamFailed(f"the box office answered {tool} with no JSON object")
        return answer

    async def ping(self) -> None:
        try:
            await self._client.call("GET", "/live", timeout_seconds=2.0)
        except UsherError as error:
            if error.http_status >= 500:  # anything else is an answer, if not of our own service
                raise

    async def close(self) -> None:
        await self._client.close()
