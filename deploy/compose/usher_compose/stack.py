"""How the services of one compose stack trust each other: a secret made when the stack is first started."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import b64encode
from pathlib import Path

from usher_shared.cloud import Cloud, CloudSettings
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier


def secret_file() -> Path:
    """USHER_STACK_SECRET_FILE; in a volume that the stack's containers share."""
    return Path(os.environ["USHER_STACK_SECRET_FILE"])


def ensure_secret() -> str:
    """The stack's secret, made if there is none; whole or not there for whoever reads it meanwhile."""
    file = secret_file()
    if not file.exists():
        made = file.with_suffix(".new")
        made.write_text(secrets.token_urlsafe(48))
        made.chmod(0o444)  # the services are not root; nothing but the stack's containers mounts the volume
        made.rename(file)
    return read_secret()


def read_secret() -> str:
    return secret_file().read_text().strip()


def ticket_signing_key() -> str:
    """The seed of the key that signs this stack's tickets: as secret as the stack's secret, and lasting as long."""
    return b64encode(hmac.new(read_secret().encode(), b"usher ticket signing key", hashlib.sha256).digest()).decode()


def connect(settings: CloudSettings, caller: str) -> Cloud:
    """The emulators are where FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST say, as for Google's own clients."""
    secret = read_secret()
    return Cloud(
        settings,
        LocalTokenSource(caller, secret),
        LocalTokenVerifier(secret),
        firestore_emulator=os.environ["FIRESTORE_EMULATOR_HOST"],
        pubsub_emulator=os.environ["PUBSUB_EMULATOR_HOST"],
    )
