"""A subscriber on Google Cloud believes Pub/Sub's own token alone: any other is refused and nothing happens."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import AsyncIterator, Callable

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.utils import base64url_encode

from contracts.bus.subscriber import SECRET, Subscriber
from contracts.bus.suite import error_event
from google_identity import GATEWAY, PUSH, Google, serve_google
from served import free_port
from usher_shared.bus import encode_push
from usher_shared.http.google_tokens import GoogleTokenVerifier
from usher_shared.http.key_sets import UrlKeySet
from usher_shared.http.tokens import LocalTokenSource

OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def shifted(google: Google, seconds: int) -> str:
    begin = int(time.time()) + seconds
    return google.token(iat=begin, exp=begin + 3600)


def forged(google: Google, **header: str) -> str:
    return jwt.encode(google.claims(), OTHER_KEY, algorithm="RS256", headers={"kid": google.key_id, **header})


def with_public_key_as_secret(google: Google) -> str:
    """The classic confusion of algorithms: whoever knows the public key signs with it."""
    public = google.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    # by hand: the library refuses to sign so
    parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "kid": google.key_id}, google.claims())]
    signed = b".".join(map(base64url_encode, parts))
    return (signed + b"." + base64url_encode(hmac.digest(public, signed, "sha256"))).decode()


def altered(google: Google) -> str:
    """Claims of another account under the signature of this one."""
    head, _, signature = google.token(email="someone@example.com").split(".")
    return f"{head}.{google.token().split('.')[1]}.{signature}"


REFUSED: dict[str, tuple[Callable[[Google], str], int, str]] = {
    "forged": (forged, 401, "bad_token"),
    "of an unknown key": (lambda g: forged(g, kid="unknown"), 401, "bad_token"),
    "without a key": (lambda g: jwt.encode(g.claims(), g.key, algorithm="RS256"), 401, "bad_token"),
    "altered": (altered, 401, "bad_token"),
    "unsigned": (lambda g: jwt.encode(g.claims(), "", "none", headers={"kid": g.key_id}), 401, "bad_token"),
    "signed with the public key": (with_public_key_as_secret, 401, "bad_token"),
    "not a token": (lambda _: "nonsense", 401, "bad_token"),
    "endless": (lambda _: "x" * 9000, 401, "bad_token"),
    "expired": (lambda g: shifted(g, -7200), 401, "bad_token"),
    "from the future": (lambda g: shifted(g, 3600), 401, "bad_token"),
    "without an end": (lambda g: g.token(exp=None), 401, "bad_token"),
    "another issuer": (lambda g: g.token(iss="https://accounts.example.com"), 401, "bad_token"),
    "without an account": (lambda g: g.token(email=None), 401, "bad_token"),
    "wrong audience": (lambda g: g.token(aud="usher-webhooks"), 403, "wrong_audience"),
    "several audiences": (lambda g: g.token(aud=["usher-logger", "usher-tools"]), 403, "wrong_audience"),
    "wrong account": (lambda g: g.token(email="push@other.iam.gserviceaccount.com"), 403, "wrong_account"),
    "an account that is no text": (lambda g: g.token(email=["a"]), 403, "wrong_account"),
    "another of our accounts": (lambda g: g.token(email=GATEWAY), 403, "wrong_caller"),
    "unverified": (lambda g: g.token(email_verified=False), 403, "unverified_account"),
    "not known to be verified": (lambda g: g.token(email_verified=None), 403, "unverified_account"),
    "verified in words": (lambda g: g.token(email_verified="true"), 403, "unverified_account"),
}


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    async with serve_google() as google:
        yield google


@pytest.fixture
async def subscriber(google: Google) -> AsyncIterator[Subscriber]:
    verifier = GoogleTokenVerifier({PUSH: "bus", GATEWAY: "gateway"}, keys=UrlKeySet(google.certificates_url))
    subscriber = Subscriber("logger", free_port(), verifier)
    await subscriber.server.start()
    yield subscriber
    await subscriber.server.stop()
    await verifier.close()


async def push(subscriber: Subscriber, token: str | None, query: str = "") -> tuple[int, dict[str, object]]:
    sent = error_event()
    body = encode_push(
        sent.to_json(), sent.attributes(), message_id="1", publish_time="2026-11-20T12:00:00Z", subscription="s"
    )
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(subscriber.server.url + "/push" + query, json=body, headers=headers) as response,
    ):
        return response.status, await response.json() if response.status >= 400 else {}


@pytest.mark.parametrize("case", REFUSED)
async def test_is_refused_without_effect(google: Google, subscriber: Subscriber, case: str) -> None:
    make, status, code = REFUSED[case]
    answered, problem = await push(subscriber, make(google))
    assert (answered, problem["code"]) == (status, code)
    assert subscriber.seen == []


async def test_the_control_pubsub_itself_is_believed(google: Google, subscriber: Subscriber) -> None:
    for _ in range(3):
        assert (await push(subscriber, google.token()))[0] == 204
    assert len(subscriber.handled) == 3
    assert google.certificates_asked == 1


async def test_neither_the_embedded_stacks_token_nor_a_secret_in_the_url(subscriber: Subscriber) -> None:
    local = await LocalTokenSource("bus", SECRET).token("logger")
    assert (await push(subscriber, local))[0] == 401
    assert (await push(subscriber, None, f"?token={SECRET}"))[0] == 401
    assert subscriber.seen == []


async def test_without_certificates_the_push_is_to_be_repeated(google: Google, subscriber: Subscriber) -> None:
    google.refusing = True
    status, problem = await push(subscriber, google.token())
    assert (status, problem["code"]) == (503, "unavailable")
    assert subscriber.seen == []
