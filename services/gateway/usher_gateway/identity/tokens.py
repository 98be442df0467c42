"""Bearer tokens of customers: JWTs of one issuer (OpenID Connect), verified against its published keys."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

import jwt

from usher_gateway.identity.model import SCOPES, Identity, to_id
from usher_gateway.identity.ports import KeySet
from usher_shared.errors import Unauthenticated
from usher_shared.http.tokens import ASYMMETRIC_ALGORITHMS

_LEEWAY_SECONDS = 10
_REMEMBER_SECONDS = 60.0
_CACHE = 1024
_MAX_LENGTH = 8192


class TokenReader:
    """Verifies tokens for one issuer and audience. A verified token is remembered for at most a minute.

    `scopes` is what a token grants; of those, a token that names scopes of ours grants the named ones alone.
    """

    def __init__(self, keys: KeySet, *, issuer: str, audience: str, scopes: Iterable[str]) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._scopes = frozenset(scopes)
        self._known: OrderedDict[str, tuple[float, Identity]] = OrderedDict()

    async def read(self, token: str) -> Identity:
        """Raises Unauthenticated for everything that is not a valid token, Unavailable without any key."""
        now = time.time()
        known = self._known.get(token)
        if known is not None and known[0] > now:
            return known[1]
        claims = await self._verify(token)
        identity = self._identify(claims)
        self._known[token] = (min(now + _REMEMBER_SECONDS, float(claims["exp"]) + _LEEWAY_SECONDS), identity)
        self._known.move_to_end(token)
        if len(self._known) > _CACHE:
            self._known.popitem(last=False)
        return identity

    async def _verify(self, token: str) -> dict[str, Any]:
        try:
            if len(token) > _MAX_LENGTH:
                raise jwt.DecodeError("too long")
            header = jwt.get_unverified_header(token)
            if header.get("alg") not in ASYMMETRIC_ALGORITHMS:
                raise jwt.InvalidAlgorithmError("the algorithm is not accepted")
            key = await self._keys.find(header.get("kid"))
            if key is None:
                raise jwt.InvalidKeyError("no such key")
            # the key says which algorithm it is for: a token cannot talk us into another
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the token has expired", code="token_expired") from error
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise Unauthenticated(f"the token is not valid: {error}"[:200], code="bad_token") from error

    def _identify(self, claims: dict[str, Any]) -> Identity:
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise Unauthenticated("the token names no customer", code="bad_token")
        client = claims.get("azp") or claims.get("client_id") or "oidc"
        client_id, customer_id = to_id(str(client)), to_id(subject)
        named = _scopes_of(claims)
        scopes = self._scopes & named if named else self._scopes
        return Identity(client_id, customer_id, scopes, f"customer:{client_id}:{customer_id}", None)


def _scopes_of(claims: dict[str, Any]) -> frozenset[str]:
    """Those of ours among the scopes that the token was issued with: `scope` (RFC 9068), at some issuers `scp`."""
    named: set[str] = set()
    for claim in (claims.get("scope"), claims.get("scp")):
        if isinstance(claim, str):
            named.update(claim.split())
        elif isinstance(claim, list):
            named.update(part for part in claim if isinstance(part, str))
    return SCOPES & named
