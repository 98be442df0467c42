"""Who gets in: API keys, bearer tokens, and everything that only looks like one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from usher_gateway.identity.keys import create_key, list_keys, revoke_key
from usher_gateway.identity.model import to_id
from usher_shared.errors import InvalidRequest, NotFound

ISSUER = "https://issuer.example"


@pytest.fixture(scope="module")
def keys() -> dict[str, Any]:
    return {
        "RS256": rsa.generate_private_key(65537, 2048),
        "ES256": ec.generate_private_key(ec.SECP256R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate(),
        "weak": rsa.generate_private_key(65537, 1024),  # noqa: S505  it is to be refused
    }


@pytest.fixture
def issuer(gateway: Any, keys: dict[str, Any]) -> Any:
    """The gateway, with the public keys of `keys` published, among others it should not use."""
    jwks = [
        {**RSAAlgorithm.to_jwk(keys["RS256"].public_key(), as_dict=True), "kid": "RS256", "alg": "RS256"},
        {**RSAAlgorithm.to_jwk(keys["weak"].public_key(), as_dict=True), "kid": "weak", "alg": "RS256"},
        {**ECAlgorithm.to_jwk(keys["ES256"].public_key(), as_dict=True), "kid": "ES256"},
        {**OKPAlgorithm.to_jwk(keys["EdDSA"].public_key(), as_dict=True), "kid": "EdDSA"},
        {"kty": "oct", "kid": "symmetric", "k": base64.urlsafe_b64encode(b"k" * 32).decode()},
        {"kty": "unheard of", "kid": "odd"},
    ]
    (gateway.home / "jwks.json").write_text(json.dumps({"keys": jwks}))
    return gateway


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    body = {"iss": ISSUER, "aud": "usher", "sub": "ada", "iat": now, "exp": now + 300, **changes}
    return {name: value for name, value in body.items() if value is not None}


async def ask(gateway: Any, token: str) -> tuple[int, Any]:
    status, _, body = await gateway.call(
        "POST", "/chat", json={"message": "hello"}, headers={"Authorization": f"Bearer {token}"}
    )
    return status, body


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_token_of_the_issuer_speaks_for_its_subject(issuer: Any, keys: Any, algorithm: str) -> None:
    token = jwt.encode(claims(azp="web"), keys[algorithm], algorithm, {"kid": algorithm})

    status, _ = await ask(issuer, token)

    assert status == 200
    sent = issuer.agent.calls[0].headers
    assert (sent["Usher-Customer"], sent["Usher-Client"]) == ("ada", "web")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1_600_000_000},
        {"exp": None},
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"nbf": 4_000_000_000},
        {"iat": 4_000_000_000},
    ],
    ids=str,
)
async def test_claims_that_are_wrong_or_missing(issuer: Any, keys: Any, changes: dict[str, Any]) -> None:
    status, body = await ask(issuer, jwt.encode(claims(**changes), keys["EdDSA"], "EdDSA", {"kid": "EdDSA"}))

    assert status == 401
    assert body["code"] in ("bad_token", "token_expired")
    assert issuer.agent.calls == []


def forge(header: dict[str, Any], body: dict[str, Any], secret: bytes | None) -> str:
    def part(value: dict[str, Any]) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part(header) + b"." + part(body)
    signature = b"" if secret is None else hmac.new(secret, signed, hashlib.sha256).digest()
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
async def test_forged_tokens(issuer: Any, keys: Any) -> None:
    public_pem = keys["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    good = jwt.encode(claims(), keys["EdDSA"], "EdDSA", {"kid": "EdDSA"})
    header, _, signature = good.split(".")
    other = base64.urlsafe_b64encode(json.dumps(claims(sub="eve")).encode()).rstrip(b"=").decode()
    embedded = {
        "alg": "EdDSA",
        "jwk": OKPAlgorithm.to_jwk(ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True),
    }
    forgeries = {
        "alg none": forge({"alg": "none", "kid": "RS256"}, claims(), None),
        "alg NONE": forge({"alg": "NONE", "kid": "RS256"}, claims(), None),
        "public key as HMAC secret": forge({"alg": "HS256", "kid": "RS256"}, claims(), public_pem),
        "published symmetric key": forge({"alg": "HS256", "kid": "symmetric"}, claims(), b"k" * 32),
        "another's key": jwt.encode(claims(), ed25519.Ed25519PrivateKey.generate(), "EdDSA", {"kid": "EdDSA"}),
        "unknown kid": jwt.encode(claims(), keys["EdDSA"], "EdDSA", {"kid": "nobody"}),
        "no kid among several": jwt.encode(claims(), keys["EdDSA"], "EdDSA"),
        "key of another algorithm": jwt.encode(claims(), keys["ES256"], "ES256", {"kid": "RS256"}),
        "weak key": jwt.encode(claims(), keys["weak"], "RS256", {"kid": "weak"}),
        "key of its own": jwt.encode(claims(), ed25519.Ed25519PrivateKey.generate(), "EdDSA", embedded),
        "changed claims": f"{header}.{other}.{signature}",
        "no signature": f"{header}.{other}.",
        "not a token": "abc",
        "dots": "...",
        "long": "a" * 20_000,
    }
    for name, token in forgeries.items():
        status, body = await ask(issuer, token)
        assert (status, body["status"]) == (401, 401), name
    assert issuer.agent.calls == []
    assert (await ask(issuer, good))[0] == 200


async def test_a_customer_may_only_what_customers_may(issuer: Any, keys: Any) -> None:
    token = jwt.encode(
        claims(scope="orders admin act_as_customer", scopes=["admin"]), keys["RS256"], "RS256", {"kid": "RS256"}
    )
    headers = {"Authorization": f"Bearer {token}"}

    named = await issuer.call("POST", "/chat", json={"message": "hello", "customer_id": "eve"}, headers=headers)
    stats = await issuer.call("GET", "/stats", headers=headers)
    orders = await issuer.call("GET", "/orders", headers=headers)

    assert (named[0], stats[0], orders[0]) == (403, 403, 200)
    assert issuer.tools.calls[0].query["customer_id"] == "ada"


@pytest.mark.parametrize(
    ("named", "granted"),
    [
        ({"scope": "tools"}, (200, 403, 403)),
        ({"scope": "openid tools"}, (200, 403, 403)),
        ({"scp": "tools"}, (200, 403, 403)),
        ({"scp": ["tools", "orders", 7]}, (200, 403, 200)),
        ({"scope": "admin"}, (403, 403, 403)),  # of ours, and none that tokens may have
        ({"scope": "openid profile"}, (200, 200, 200)),
        ({"scope": 7, "scp": None}, (200, 200, 200)),
    ],
    ids=str,
)
async def test_a_token_that_names_scopes_has_no_others(
    issuer: Any, keys: Any, named: dict[str, Any], granted: tuple[int, int, int]
) -> None:
    issuer.tools.on("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "result": {}})
    token = jwt.encode(claims(**named), keys["EdDSA"], "EdDSA", {"kid": "EdDSA"})
    headers = {"Authorization": f"Bearer {token}"}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}

    asked = await issuer.call("POST", "/mcp", json=call, headers=headers)
    said = await issuer.call("POST", "/chat", json={"message": "yes"}, headers=headers)
    approved = await issuer.call("POST", "/confirmations/CONF_1", json={"decision": "approve"}, headers=headers)
    read = await issuer.call("GET", "/orders", headers=headers)

    assert (asked[0], said[0], read[0]) == granted
    assert approved[0] == said[0]
    assert len(issuer.agent.calls) == (2 if said[0] == 200 else 0)


async def test_any_subject_becomes_one_safe_customer_id(issuer: Any, keys: Any) -> None:
    for subject in ("auth0|5f7c", "ada@example.org", "../admin", "x\r\nUsher-Client: evil", "日本"):
        token = jwt.encode(claims(sub=subject), keys["EdDSA"], "EdDSA", {"kid": "EdDSA"})
        assert (await ask(issuer, token))[0] == 200
        assert issuer.agent.calls[-1].headers["Usher-Customer"] == to_id(subject)
        assert issuer.agent.calls[-1].headers["Usher-Client"] == "oidc"
        assert to_id(subject).startswith("sub.")


async def test_exactly_one_credential(issuer: Any, keys: Any) -> None:
    key = await issuer.key()
    bearer = {"Authorization": "Bearer " + jwt.encode(claims(), keys["EdDSA"], "EdDSA", {"kid": "EdDSA"})}
    body = {"message": "hello"}

    none = await issuer.call("POST", "/chat", json=body)
    both = await issuer.call("POST", "/chat", json=body, headers={**key, **bearer})
    twice = await issuer.call(
        "POST", "/chat", json=body, headers=[("X-API-Key", key["X-API-Key"]), ("X-API-Key", key["X-API-Key"])]
    )
    basic = await issuer.call("POST", "/chat", json=body, headers={"Authorization": "Basic YTpi"})

    assert [(s, b["code"]) for s, _, b in (none, both, twice, basic)] == [
        (401, "no_credential"),
        (401, "two_credentials"),
        (401, "two_credentials"),
        (401, "bad_token"),
    ]
    assert none[1]["WWW-Authenticate"] == "Bearer"
    assert issuer.agent.calls == []


async def test_nothing_but_health_and_the_documents_is_open(gateway: Any) -> None:
    for path in ("/orders", "/chat", "/nowhere", "/conversations/x", "/webhooks", "//health", "/health/"):
        for method in ("GET", "POST", "PUT", "OPTIONS"):
            status, _, _ = await gateway.call(method, path, data=b"{not json" if method == "POST" else None)
            assert status in (401, 429), (method, path)
    for path in ("/health", "/live", "/ready", "/openapi.json"):
        assert (await gateway.call("GET", path))[0] == 200


async def test_wrong_keys(gateway: Any) -> None:
    good = (await gateway.key())["X-API-Key"]
    id_part = good.rsplit("_", 1)[0] if good.count("_") == 2 else good[: len("usk_") + 16]
    wrong = [
        "",
        "usk_",
        good[:-1],
        good + "A",
        good[:-1] + ("A" if good[-1] != "A" else "B"),
        f"{id_part}_{'A' * 43}",
        "usk_aaaaaaaaaaaaaaaa_" + good[-43:],
        "é" * 60,
        "usk_../../../../../../x_" + "A" * 43,
    ]
    for value in wrong:
        status, _, body = await gateway.call("GET", "/orders", headers={"X-API-Key": value})
        assert (status, body["code"]) == (401, "bad_api_key"), value
    assert (await gateway.call("GET", "/orders", headers={"X-API-Key": good}))[0] == 200


async def test_a_revoked_key_ends_with_the_cache(gateway: Any) -> None:
    key = await gateway.key()
    assert (await gateway.call("GET", "/orders", headers=key))[0] == 200
    (made,) = await list_keys(gateway.store)

    revoked = await revoke_key(gateway.store, gateway.clock, made.key_id)
    gateway.clock.advance(timedelta(seconds=3.1))

    assert revoked.revoked_at is not None
    assert (await gateway.call("GET", "/orders", headers=key))[0] == 401
    assert await revoke_key(gateway.store, gateway.clock, made.key_id) == revoked


async def test_the_store_holds_no_secret(gateway: Any) -> None:
    made = await create_key(gateway.store, gateway.clock, name="shop", scopes=["chat"])
    document = await gateway.store.get("api_keys", made.key.key_id)

    assert document is not None
    assert made.secret.rsplit(made.key.key_id + "_")[1] not in json.dumps(document)
    assert made.key in await list_keys(gateway.store)


@pytest.mark.parametrize(
    "options",
    [
        {"scopes": []},
        {"scopes": ["chat", "root"]},
        {"name": ""},
        {"name": "a\nb"},
        {"requests_per_minute": 0},
        {"client_id": "../x"},
    ],
    ids=str,
)
async def test_keys_that_cannot_be_made(gateway: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        await create_key(gateway.store, gateway.clock, **{"name": "shop", "scopes": ["chat"], **options})


async def test_revoking_what_is_not_there(gateway: Any) -> None:
    for key_id in ("aaaaaaaaaaaaaaaa", "../x", ""):
        with pytest.raises(NotFound):
            await revoke_key(gateway.store, gateway.clock, key_id)


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("chat", {"/conversations/c1", "/events"}),
        ("orders", {"/orders", "/events"}),
        ("webhooks", {"/webhooks"}),
        ("analytics", {"/stats", "/analytics/rows/orders"}),
        ("admin", set[str]()),
    ],
)
async def test_each_scope_opens_its_own_routes(gateway: Any, scope: str, allowed: set[str]) -> None:
    gateway.webhooks.on("GET", "/webhooks", {"webhooks": []})
    gateway.logger.on("GET", "/", {"rows": []})
    key = await gateway.key(scope)
    for path in ("/conversations/c1", "/orders", "/events", "/webhooks", "/stats", "/analytics/rows/orders"):
        status, _, body = await gateway.call("GET", path, headers=key)
        assert status == (200 if path in allowed else 403), (path, body)
