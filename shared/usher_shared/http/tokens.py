"""Tokens between services: who calls whom.

Each internal request carries `Authorization: Bearer <JWT>` with the audience of the called service. Here the
embedded stack's adapter (HS256 with the stack's own secret); on Google Cloud the same ports are ID tokens
(`google_tokens`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Protocol

import jwt

from usher_shared.errors import Forbidden, Unauthenticated

ASYMMETRIC_ALGORITHMS = ("RS256", "ES256", "EdDSA")  # whoever can verify cannot sign
_LIFETIME_SECONDS = 3600
_REFRESH_SECONDS = 600
_CACHE = 256


class TokenSource(Protocol):
    async def token(self, audience: str) -> str:
        """A bearer token that the service `audience` accepts from us."""
        ...


class TokenVerifier(Protocol):
    async def verify(self, token: str, audience: str) -> str:
        """The caller's name.

        Raises Unauthenticated (forged, expired, malformed), Forbidden (wrong audience or account), Unavailable (what
        to check it against cannot be had now).
        """
        ...


class LocalTokenSource:
    """Signs as `service`; tokens live an hour and are reused until ten minutes before their end."""

    def __init__(self, service: str, secret: str) -> None:
        self._service = service
        self._secret = secret
        self._tokens: dict[str, tuple[str, float]] = {}

    async def token(self, audience: str) -> str:
        cached = self._tokens.get(audience)
        now = time.time()
        if cached and cached[1] - now > _REFRESH_SECONDS:
            return cached[0]
        expires = now + _LIFETIME_SECONDS
        claims = {
            "iss": "usher-local",
            "sub": self._service,
            "aud": audience,
            "iat": int(now),
            "exp": int(expires),
        }
        token = jwt.encode(claims, self._secret, algorithm="HS256")
        self._tokens[audience] = (token, expires)
        return token


class LocalTokenVerifier:
    def __init__(self, secret: str) -> None:
        if len(secret) < 32:
            raise ValueError("the stack's secret has to have at least 32 characters")
        self._secret = secret
        self._verified: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    async def verify(self, token: str, audience: str) -> str:
        cached = self._verified.get((token, audience))
        if cached and cached[1] > time.time():
            return cached[0]
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=["HS256"],
                audience=audience,
                issuer="usher-local",
                options={"require": ["exp", "iat", "sub", "aud", "iss"]},
            )
        except jwt.InvalidAudienceError as error:
            raise Forbidden("the token is for another service", code="wrong_audience") from error
        except jwt.InvalidTokenError as error:
            raise Unauthenticated(f"the token is not valid: {error}", code="bad_token") from error
        caller = str(claims["sub"])
        self._verified[token, audience] = (caller, float(claims["exp"]))
        if len(self._verified) > _CACHE:
            self._verified.popitem(last=False)
        return caller
