"""Who a request is from, and whom it is for."""

from __future__ import annotations

from usher_gateway.identity.keys import KeyRing
from usher_gateway.identity.model import Identity, is_id
from usher_gateway.identity.tokens import TokenReader
from usher_shared.contracts.identity import Principal
from usher_shared.errors import Forbidden, InvalidRequest, Unauthenticated


class Authenticator:
    """`tokens` is None where no issuer is configured: then API keys are the only credential."""

    def __init__(self, keys: KeyRing, tokens: TokenReader | None) -> None:
        self._keys = keys
        self._tokens = tokens

    async def authenticate(self, api_key: str | None, authorization: str | None) -> Identity:
        """From the values of X-API-Key and Authorization. Raises Unauthenticated unless exactly one is good."""
        if api_key is not None and authorization is not None:
            raise Unauthenticated("send X-API-Key or Authorization, not both", code="two_credentials")
        if api_key is not None:
            key = await self._keys.recognise(api_key)
            return Identity(
                client_id=key.client_id,
                customer_id=f"app_{key.client_id}",
                scopes=frozenset(key.scopes),
                limit_key=f"key:{key.key_id}",
                requests_per_minute=key.requests_per_minute,
            )
        if authorization is None:
            raise Unauthenticated("send X-API-Key or Authorization: Bearer", code="no_credential")
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("the Authorization header is not `Bearer <token>`", code="bad_token")
        if self._tokens is None:
            raise Unauthenticated("bearer tokens are not accepted here", code="bad_token")
        return await self._tokens.read(token.strip())


def require_scope(identity: Identity, *any_of: str) -> None:
    """Raises Forbidden unless the identity has one of the scopes."""
    if identity.scopes.isdisjoint(any_of):
        raise Forbidden(f"this needs the scope {' or '.join(any_of)}", code="missing_scope")


def choose_principal(identity: Identity, named_customer: str | None) -> Principal:
    """The customer a request is for: its own, or the one it names and may act for.

    Raises Forbidden when a customer is named without the scope, InvalidRequest when the name is no id.
    """
    if named_customer is None:
        return Principal(client_id=identity.client_id, customer_id=identity.customer_id)
    if "act_as_customer" not in identity.scopes:
        raise Forbidden("naming a customer needs the scope act_as_customer", code="missing_scope")
    if not is_id(named_customer):
        raise InvalidRequest("customer_id is 1 to 128 letters, digits and ._:-")
    return Principal(client_id=identity.client_id, customer_id=named_customer)
