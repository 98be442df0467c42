"""Identities and keys."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Scope = Literal["chat", "orders", "tools", "act_as_customer", "webhooks", "analytics", "privacy", "admin"]
SCOPES: frozenset[str] = frozenset(get_args(Scope))

# what ids look like everywhere behind the gateway, less `.` and `..`, which are steps of a path
ID_PATTERN = r"^\.*[A-Za-z0-9_:-][A-Za-z0-9._:-]*$"
ID_LENGTH = 128
_ID = re.compile(ID_PATTERN)


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever stands behind the credential of a request.

    `customer_id` is whom the request is for unless it may and does name another. `limit_key` and
    `requests_per_minute` are what its rate is counted by.
    """

    client_id: str
    customer_id: str
    scopes: frozenset[str]
    limit_key: str
    requests_per_minute: int | None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A client application's key, without its secret. `requests_per_minute` None is the gateway's default."""

    key_id: str
    client_id: str
    name: str
    scopes: tuple[str, ...]
    requests_per_minute: int | None
    created_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """A new key; `secret` is the whole value of X-API-Key and is shown this once."""

    key: ApiKey
    secret: str


def is_id(text: str) -> bool:
    return len(text) <= ID_LENGTH and _ID.fullmatch(text) is not None


def to_id(text: str) -> str:
    """The text itself where it is an id; else an id made from its hash (an OIDC `sub` may be any text)."""
    return text if is_id(text) else f"sub.{hashlib.sha256(text.encode()).hexdigest()}"
