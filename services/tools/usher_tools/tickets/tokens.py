"""The signed tokens: what a ticket's QR code and a door's list hold. Pure: no network, no documents.

Both are compact JWS (RFC 7515) signed with Ed25519 (RFC 8037), told apart by `typ`. Claims have names of one letter,
as every character makes the QR code finer: a ticket is `t` ticket id, `e` event, `s` seat, `r` order revision,
`iat`, `exp`, and `f` the first ticket of a holder who has moved; a door list is `e` event, `n` how many, `h` their
digests, `iat`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from jwt.algorithms import OKPAlgorithm

_ALGORITHM = "EdDSA"
_TICKET, _LIST = "ticket", "door"
_DIGEST = 8  # bytes: a list of 20,000 tickets has 160 kB; who can make two ids of one digest still has no signature
_PEM = re.compile(r"-----BEGIN PRIVATE KEY-----.+?-----END PRIVATE KEY-----", re.S)


class InvalidToken(ValueError):
    """Not signed with a known key, or not of the expected kind."""


@dataclass(frozen=True, slots=True)
class TicketClaims:
    """What a ticket says. Times to the second, aware UTC. `entry_id` is the same for all tickets that one place in
    the house has had: the door lets each in once."""

    ticket_id: str
    entry_id: str
    event_id: str
    seat_id: str
    revision: int
    issued_at: datetime
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class DoorClaims:
    """The digests of an event's live tickets when the list was made."""

    event_id: str
    issued_at: datetime
    digests: frozenset[bytes]

    def holds(self, ticket_id: str) -> bool:
        return _digest(ticket_id) in self.digests


def _digest(ticket_id: str) -> bytes:
    return hashlib.sha256(ticket_id.encode()).digest()[:_DIGEST]


def _key_id(key: Ed25519PublicKey) -> str:
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return base64.urlsafe_b64encode(hashlib.sha256(raw).digest()[:6]).decode()


def _parse_keys(text: str) -> list[Ed25519PrivateKey]:
    blocks = _PEM.findall(text)
    if blocks:
        loaded = [load_pem_private_key(block.encode(), None) for block in blocks]
        keys = [key for key in loaded if isinstance(key, Ed25519PrivateKey)]
        if len(keys) < len(loaded):
            raise ValueError("not Ed25519")
        return keys
    seeds = [part for part in re.split(r"[\s,]+", text) if part]
    padded = [seed.replace("-", "+").replace("_", "/").rstrip("=") for seed in seeds]
    raw = [base64.b64decode(seed + "=" * (-len(seed) % 4), validate=True) for seed in padded]
    return [Ed25519PrivateKey.from_private_bytes(seed) for seed in raw]


class TicketSigner:
    """Signs with the newest key and publishes all."""

    def __init__(self, keys: Sequence[Ed25519PrivateKey]) -> None:
        self._keys = {_key_id(key.public_key()): key for key in keys}
        self._newest = next(iter(self._keys))

    @classmethod
    def parse(cls, text: str) -> TicketSigner:
        """From PEM blocks, or seeds of 32 bytes in base64 separated by commas or white space, the newest first.

        Raises ValueError, which does not repeat the text.
        """
        try:
            keys = _parse_keys(text)
        except (ValueError, TypeError, binascii.Error):
            keys = []
        if not keys:
            raise ValueError("no Ed25519 keys: PEM blocks, or seeds of 32 bytes in base64, the newest first")
        return cls(keys)

    def _sign(self, kind: str, claims: Mapping[str, Any]) -> str:
        headers = {"kid": self._newest, "typ": kind}
        return jwt.encode(dict(claims), self._keys[self._newest], algorithm=_ALGORITHM, headers=headers)

    def sign_ticket(self, ticket: TicketClaims) -> str:
        claims: dict[str, Any] = {
            "t": ticket.ticket_id,
            "e": ticket.event_id,
            "s": ticket.seat_id,
            "r": ticket.revision,
        }
        if ticket.entry_id != ticket.ticket_id:
            claims["f"] = ticket.entry_id
        times = {"iat": int(ticket.issued_at.timestamp()), "exp": int(ticket.valid_until.timestamp())}
        return self._sign(_TICKET, claims | times)

    def sign_list(self, event_id: str, issued_at: datetime, ticket_ids: Iterable[str]) -> str:
        digests = sorted({_digest(id) for id in ticket_ids})
        packed = base64.b64encode(b"".join(digests)).decode()
        claims = {"e": event_id, "n": len(digests), "h": packed, "iat": int(issued_at.timestamp())}
        return self._sign(_LIST, claims)

    def public_keys(self) -> list[dict[str, Any]]:
        """As JSON Web Keys, the one that signs first."""
        return [
            {**OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": id, "alg": _ALGORITHM, "use": "sig"}
            for id, key in self._keys.items()
        ]


@lru_cache(maxsize=8)
def signer_of(text: str) -> TicketSigner:
    """TicketSigner.parse, once for each text."""
    return TicketSigner.parse(text)


class TicketReader:
    """Reads what was signed with one of the keys of a key set."""

    def __init__(self, keys: Iterable[Mapping[str, Any]]) -> None:
        """Raises ValueError for a key that is no Ed25519 public key."""
        self._keys: dict[str, Ed25519PublicKey] = {}
        for entry in keys:
            try:
                key = OKPAlgorithm.from_jwk(json.dumps(dict(entry)))
            except jwt.PyJWTError as error:
                raise ValueError("not a key set of Ed25519 keys") from error
            if not isinstance(key, Ed25519PublicKey):
                raise ValueError("not a key set of public Ed25519 keys")
            self._keys[str(entry.get("kid"))] = key

    def _read(self, kind: str, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid")))
            if key is None:
                raise InvalidToken("signed with a key that is not known here")
            if header.get("typ") != kind:
                raise InvalidToken(f"this is no {kind}")
            # times are judged by the caller's clock
            options: Any = {"verify_exp": False, "verify_iat": False}
            claims: dict[str, Any] = jwt.decode(token, key, algorithms=[_ALGORITHM], options=options)
        except jwt.PyJWTError as error:
            raise InvalidToken("not signed by this box office") from error
        return claims

    def read_ticket(self, token: str) -> TicketClaims:
        """Raises InvalidToken. Whether it is still valid is not looked at."""
        claims = self._read(_TICKET, token)
        try:
            return TicketClaims(
                ticket_id=str(claims["t"]),
                entry_id=str(claims.get("f", claims["t"])),
                event_id=str(claims["e"]),
                seat_id=str(claims["s"]),
                revision=int(claims["r"]),
                issued_at=datetime.fromtimestamp(claims["iat"], UTC),
                valid_until=datetime.fromtimestamp(claims["exp"], UTC),
            )
        except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            raise InvalidToken("a ticket without all that a ticket says") from error

    def read_list(self, token: str) -> DoorClaims:
        """Raises InvalidToken."""
        claims = self._read(_LIST, token)
        try:
            packed = base64.b64decode(claims["h"], validate=True)
            digests = frozenset(packed[at : at + _DIGEST] for at in range(0, len(packed), _DIGEST))
            found = DoorClaims(str(claims["e"]), datetime.fromtimestamp(claims["iat"], UTC), digests)
            whole = len(digests) == int(claims["n"]) and len(packed) == len(digests) * _DIGEST
        except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            raise InvalidToken("a door list without all that one says") from error
        if not whole:
            raise InvalidToken("a door list that is not whole")
        return found
