"""Pushes of the Pub/Sub emulator, which sends no token: it shows the stack's secret in the URL instead.

A push with the secret goes on as the stack's own caller `bus`, one without it as nobody. The Google Cloud roots
import nothing of this: they believe Google's tokens alone.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI

from usher_shared.http.middleware import AsgiApp, Receive, Scope, Send
from usher_shared.http.tokens import LocalTokenSource

_PATH = "/push"
_PARAMETER = "token"


def _url_secret(secret: str) -> str:
    """Of the URL alone: who reads it there cannot sign tokens of the stack."""
    return hmac.new(secret.encode(), b"usher push url", hashlib.sha256).hexdigest()


def push_endpoint(url: str, secret: str) -> str:
    """The URL that the emulator is to push to; `secret` is the stack's. Not for logs."""
    return f"{url}?{urlencode({_PARAMETER: _url_secret(secret)})}"


def accept_push_secret(app: FastAPI, service: str, secret: str) -> None:
    """Take pushes whose URL has the secret for the caller `bus`; before the app starts."""
    app.add_middleware(PushSecretMiddleware, service=service, secret=secret)


class PushSecretMiddleware:
    """Turns the URL's secret into a token of the stack, and takes it out of the request in any case."""

    def __init__(self, app: AsgiApp, *, service: str, secret: str) -> None:
        self._app = app
        self._service = service
        self._expected = _url_secret(secret).encode()
        self._tokens = LocalTokenSource("bus", secret)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == _PATH and scope["query_string"]:
            query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
            shown = [value for name, value in query if name == _PARAMETER]
            if shown:
                kept = [(name, value) for name, value in query if name != _PARAMETER]
                scope["query_string"] = urlencode(kept).encode()  # in place: the server's own log reads it from there
                if len(shown) == 1 and hmac.compare_digest(shown[0].encode(), self._expected):
                    token = await self._tokens.token(self._service)
                    others = [header for header in scope["headers"] if header[0] != b"authorization"]
                    scope["headers"] = [*others, (b"authorization", b"Bearer " + token.encode())]
        await self._app(scope, receive, send)
