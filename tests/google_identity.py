"""Stand-ins for Google's side of ID tokens: own RSA keys, a served JWKS, a served metadata server."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

PROJECT = "venue"
PUSH = f"usher-push@{PROJECT}.iam.gserviceaccount.com"
GATEWAY = f"usher-gateway@{PROJECT}.iam.gserviceaccount.com"


class Google:
    """Signs ID tokens as Google does, publishes the certificates and answers as the metadata server.

    The claims are those that Google documents for a push request
    (https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions); `refusing` makes every address fail.
    """

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = "f833e8a7fe3a4f3e5b3c9f7ba6aa2c5cf5ad3d5b"
        self.refusing = False
        self.certificates_asked = 0
        self.metadata_asked: list[tuple[dict[str, str], str | None]] = []
        self.lifetime_seconds = 3600
        self.host = ""

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "aud": "usher-logger",
            "azp": "113774264463038321964",
            "email": PUSH,
            "email_verified": True,
            "exp": now + 3600,
            "iat": now,
            "iss": "https://accounts.google.com",
            "sub": "113774264463038321964",
        }
        return {key: value for key, value in (claims | changes).items() if value is not None}

    def token(self, **changes: Any) -> str:
        """Signed; a claim that is None is left out."""
        return jwt.encode(self.claims(**changes), self.key, algorithm="RS256", headers={"kid": self.key_id})

    @property
    def certificates_url(self) -> str:
        return f"http://{self.host}/oauth2/v3/certs"

    async def _certificates(self, _: web.Request) -> web.Response:
        self.certificates_asked += 1
        if self.refusing:
            return web.Response(status=503)
        key = RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return web.json_response({"keys": [{**key, "kid": self.key_id, "use": "sig", "alg": "RS256"}]})

    async def _identity(self, request: web.Request) -> web.Response:
        self.metadata_asked.append((dict(request.query), request.headers.get("Metadata-Flavor")))
        if self.refusing or request.headers.get("Metadata-Flavor") != "Google":
            return web.Response(status=403, text="Missing Metadata-Flavor:Google header.")
        expires = int(time.time()) + self.lifetime_seconds
        text = self.token(aud=request.query["audience"], email=GATEWAY, exp=expires)
        return web.Response(text=text, headers={"Metadata-Flavor": "Google"})


@asynccontextmanager
async def serve_google() -> AsyncIterator[Google]:
    google = Google()
    app = web.Application()
    app.router.add_get("/oauth2/v3/certs", google._certificates)
    app.router.add_get("/computeMetadata/v1/instance/service-accounts/default/identity", google._identity)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    google.host = f"127.0.0.1:{runner.addresses[0][1]}"
    yield google
    await runner.cleanup()
