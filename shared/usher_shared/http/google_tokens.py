"""Google's ID tokens: of Pub/Sub's pushes, and between services on Cloud Run.

Each request to a service carries `Authorization: Bearer <ID token>` whose audience is `usher-<service>` (a custom
audience of the Cloud Run service) and whose account is a service account of the project. Claims and checks as in
https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions and
https://cloud.google.com/docs/authentication/get-id-token#metadata-server.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Protocol

import aiohttp
import jwt

from usher_shared.errors import Forbidden, Unauthenticated, Unavailable
from usher_shared.http.key_sets import UrlKeySet

CERTIFICATES_URL = "https://www.googleapis.com/oauth2/v3/certs"
ISSUER = "https://accounts.google.com"
_ALGORITHM = "RS256"
_LEEWAY_SECONDS = 10
_MAX_LENGTH = 8192
_CACHE = 1024
_REMEMBER_SECONDS = 60.0
_REFRESH_SECONDS = 240.0  # the metadata server gives tokens with at least five minutes to live
_FETCH_SECONDS = 5.0
_IDENTITY = "/computeMetadata/v1/instance/service-accounts/default/identity"


def audience_of(service: str) -> str:
    """What tokens for that service are made out to."""
    return f"usher-{service}"


class _KeySet(Protocol):
    async def find(self, key_id: str | None) -> jwt.PyJWK | None: ...

    async def close(self) -> None: ...


class GoogleTokenVerifier:
    """`callers` maps a service account's e-mail address to the caller it is. Verified tokens are remembered a minute.

    Certificates are cached; while Google's do not answer, the last known ones are used.
    """

    def __init__(self, callers: Mapping[str, str], *, keys: _KeySet | None = None) -> None:
        self._callers = dict(callers)
        self._keys = keys or UrlKeySet(CERTIFICATES_URL)
        self._verified: OrderedDict[tuple[str, str], tuple[str, float]] = OrderedDict()

    async def verify(self, token: str, audience: str) -> str:
        """The caller's name; `audience` is the service called.

        Raises Unauthenticated (forged, expired, malformed), Forbidden (for another service, of an unknown account, or
        of an unverified address), Unavailable (no certificates yet and none to be had).
        """
        known = self._verified.get((token, audience))
        now = time.time()
        if known is not None and known[1] > now:
            return known[0]
        claims = await self._claims(token, audience_of(audience))
        email = claims["email"]
        if claims.get("email_verified") is not True:
            raise Forbidden("the token's address is not verified", code="unverified_account")
        caller = self._callers.get(email) if isinstance(email, str) else None
        if caller is None:
            raise Forbidden("the token's account is none of ours", code="wrong_account")
        self._verified[token, audience] = (caller, min(now + _REMEMBER_SECONDS, float(claims["exp"])))
        self._verified.move_to_end((token, audience))
        if len(self._verified) > _CACHE:
            self._verified.popitem(last=False)
        return caller

    async def _claims(self, token: str, audience: str) -> dict[str, Any]:
        try:
            if len(token) > _MAX_LENGTH:
                raise jwt.DecodeError("too long")
            header = jwt.get_unverified_header(token)
            if header.get("alg") != _ALGORITHM or not header.get("kid"):
                raise jwt.InvalidAlgorithmError("not signed as Google signs")
            key = await self._keys.find(header["kid"])
            if key is None:
                raise jwt.InvalidKeyError("no such key")
            return jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=audience,
                issuer=ISSUER,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iat", "iss", "aud", "sub", "email"], "strict_aud": True},
            )
        except jwt.InvalidAudienceError as error:
            raise Forbidden("the token is for another service", code="wrong_audience") from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise Unauthenticated(f"the token is not valid: {error}"[:200], code="bad_token") from error

    async def close(self) -> None:
        await self._keys.close()


class GoogleTokenSource:
    """ID tokens of this machine's own service account, from the metadata server (or GCE_METADATA_HOST).

    Tokens are reused until four minutes before their end; however many ask, one request is under way per audience.
    """

    def __init__(self, host: str | None = None) -> None:
        self._url = f"http://{host or os.environ.get('GCE_METADATA_HOST') or 'metadata.google.internal'}{_IDENTITY}"
        self._tokens: dict[str, tuple[str, float]] = {}
        self._fetching: dict[str, asyncio.Task[str]] = {}

    async def token(self, audience: str) -> str:
        """`audience` is the service to be called. Raises Unavailable."""
        cached = self._tokens.get(audience)
        if cached is not None and cached[1] - time.time() > _REFRESH_SECONDS:
            return cached[0]
        fetching = self._fetching.get(audience)
        if fetching is None:
            fetching = asyncio.create_task(self._fetch(audience), name=f"id-token-{audience}")
            self._fetching[audience] = fetching
            fetching.add_done_callback(lambda _: self._fetching.pop(audience))
        try:
            return await asyncio.shield(fetching)  # others wait for it too
        except Unavailable:
            if cached is not None and cached[1] - time.time() > _LEEWAY_SECONDS:
                return cached[0]
            raise

    async def _fetch(self, audience: str) -> str:
        try:
            async with (
                # too rare to keep a connection for
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_FETCH_SECONDS)) as session,
                session.get(
                    self._url,
                    params={"audience": audience_of(audience), "format": "full"},
                    headers={"Metadata-Flavor": "Google"},
                    allow_redirects=False,
                ) as response,
            ):
                text = (await response.text("ascii")).strip()
                if response.status != 200:
                    raise Unavailable(f"no ID token from the metadata server: it answered {response.status}")
            expires = float(jwt.decode(text, options={"verify_signature": False})["exp"])  # ours to show, not to trust
        except (aiohttp.ClientError, TimeoutError, jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            # neither the token nor a part of it goes into the text
            raise Unavailable(f"no ID token from the metadata server: {type(error).__name__}") from error
        self._tokens[audience] = (text, expires)
        return text
