"""The embedded stack's own token issuer: customers' bearer tokens without an identity provider.

The private key stays in the data folder, readable by its owner alone; the gateway reads the JWKS beside it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt.algorithms import OKPAlgorithm

ISSUER = "urn:usher:local"
AUDIENCE = "usher"
CLIENT = "usher-cli"
_PRIVATE = "customer-key.pem"
_PUBLIC = "customer-jwks.json"


def jwks_file(home: Path) -> Path:
    """Where the public key of that stack stands; `ensure_keys` writes it."""
    return home / _PUBLIC


def ensure_keys(home: Path) -> Path:
    """The stack's JWKS file; the key pair is made on first use."""
    private = _load_or_create(home)
    target = jwks_file(home)
    text = json.dumps({"keys": [_public_jwk(private)]}, indent=2) + "\n"
    if not target.exists() or target.read_text() != text:
        _replace(target, text.encode(), 0o644)
    return target


def mint(home: Path, customer_id: str, lifetime: timedelta = timedelta(hours=1)) -> str:
    """A bearer token for that customer. Raises ValueError for an empty customer or a lifetime that is none."""
    if not customer_id or lifetime <= timedelta(0):
        raise ValueError("a token needs a customer and a positive lifetime")
    ensure_keys(home)
    private = _load_or_create(home)
    now = datetime.now(UTC)
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": customer_id,
        "azp": CLIENT,
        "iat": now,
        "exp": now + lifetime,
        "jti": secrets.token_hex(8),
    }
    return jwt.encode(claims, private, algorithm="EdDSA", headers={"kid": _key_id(private)})


def _load_or_create(home: Path) -> Ed25519PrivateKey:
    file = home / _PRIVATE
    home.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        temporary = _write_beside(file, pem, 0o600)
        try:
            os.link(temporary, file)  # of two processes that make the first key, one wins and both use it
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    key = load_pem_private_key(file.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{file} is no Ed25519 key")
    return key


def _write_beside(file: Path, content: bytes, mode: int) -> Path:
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(6)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
    return temporary


def _replace(file: Path, content: bytes, mode: int) -> None:
    _write_beside(file, content, mode).replace(file)


def _key_id(private: Ed25519PrivateKey) -> str:
    raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def _public_jwk(private: Ed25519PrivateKey) -> dict[str, str]:
    jwk = OKPAlgorithm.to_jwk(private.public_key(), as_dict=True)
    return {**jwk, "kid": _key_id(private), "alg": "EdDSA", "use": "sig"}
