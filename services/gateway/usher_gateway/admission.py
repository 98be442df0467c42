"""The door: every request but those for the public paths is identified and counted before anything else sees it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import cast

from starlette.datastructures import Headers
from starlette.requests import Request

from usher_gateway.identity.model import Identity
from usher_gateway.identity.service import Authenticator
from usher_gateway.limiting.model import Allowance
from usher_gateway.limiting.service import RateLimiter
from usher_shared.errors import RateLimited, Unauthenticated, UsherError
from usher_shared.http.middleware import AsgiApp, Message, Receive, Scope, Send
from usher_shared.http.problem import render_error

_IDENTITY = "usher.identity"
# notifications to POST: their signature, which the box office checks, is their credential
_SIGNED_PATHS = re.compile(r"/webhooks/(?!register$)[^/]+")
PUBLIC_PATHS = frozenset({"/health", "/live", "/ready", "/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"})


def identity_of(request: Request) -> Identity:
    """Whom the door let in."""
    return cast(Identity, request.scope[_IDENTITY])


class Admission:
    """Pure ASGI. Answers 401 and 429 itself; leaves the identity in the scope, the rate headers on the answer.

    `challenges`: WWW-Authenticate of a 401 where it says more than `Bearer`, by path. Signed notifications are let in
    unidentified, `notices_per_minute` from an address.
    """

    def __init__(
        self,
        app: AsgiApp,
        *,
        authenticator: Authenticator,
        limiter: RateLimiter,
        trusted_proxies: int = 0,
        public_paths: Collection[str] = PUBLIC_PATHS,
        challenges: Mapping[str, str] | None = None,
        notices_per_minute: int = 1200,
    ) -> None:
        self._app = app
        self._authenticator = authenticator
        self._limiter = limiter
        self._trusted_proxies = trusted_proxies
        self._public_paths = public_paths
        self._challenges = challenges or {}
        self._notices_per_minute = notices_per_minute

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # none is offered, so none is let past
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http" or scope["path"] in self._public_paths:
            await self._app(scope, receive, send)
            return
        headers = Headers(raw=scope["headers"])
        read = scope.get("method") in ("GET", "HEAD")
        try:
            allowance = await self._counted(scope, headers, read=read)
            refusal: UsherError | None = None if allowance.allowed else _too_many(allowance)
        except Unauthenticated as error:
            allowance = await self._limiter.hit(f"address:{self._address(scope, headers)}", None, read=read)
            refusal = error if allowance.allowed else _too_many(allowance)
        except UsherError as error:  # the key set or the store does not answer
            await render_error(error)(scope, receive, send)
            return

        async def counted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *allowance.headers()]
            await send(message)

        if refusal is not None:
            response = render_error(refusal)
            if refusal.http_status == 401 and scope["path"] in self._challenges:
                response.headers["WWW-Authenticate"] = self._challenges[scope["path"]]
            await response(scope, receive, counted_send)
            return
        await self._app(scope, receive, counted_send)

    async def _counted(self, scope: Scope, headers: Headers, *, read: bool) -> Allowance:
        """Raises Unauthenticated, and UsherError when the key set or the store does not answer."""
        if scope.get("method") == "POST" and _SIGNED_PATHS.fullmatch(scope["path"]):
            return await self._limiter.hit(
                f"notices:{self._address(scope, headers)}", self._notices_per_minute, read=False
            )
        identity = await self._authenticator.authenticate(_only(headers, "x-api-key"), _only(headers, "authorization"))
        scope[_IDENTITY] = identity
        return await self._limiter.hit(identity.limit_key, identity.requests_per_minute, read=read)

    def _address(self, scope: Scope, headers: Headers) -> str:
        """The peer's address; behind trusted proxies the one that the outermost of them saw."""
        if self._trusted_proxies:
            seen = [part.strip() for value in headers.getlist("x-forwarded-for") for part in value.split(",")]
            if len(seen) >= self._trusted_proxies:
                return seen[-self._trusted_proxies][:64]
        client = scope.get("client")
        return str(client[0]) if client else "unknown"


def _only(headers: Headers, name: str) -> str | None:
    """The header's value; Unauthenticated when it is sent twice, since parties could each believe another one."""
    values = headers.getlist(name)
    if len(values) > 1:
        raise Unauthenticated(f"{name} was sent more than once", code="two_credentials")
    return values[0] if values else None


def _too_many(allowance: Allowance) -> RateLimited:
    return RateLimited(
        f"more than {allowance.limit} requests a minute",
        retry_after_seconds=max(allowance.reset_seconds, 1.0),
    )
