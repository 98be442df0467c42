"""The customers' token issuer: which of its key sets the settings name."""

from __future__ import annotations

from pathlib import Path

from usher_gateway.identity.ports import KeySet
from usher_shared.http.key_sets import FileKeySet, UrlKeySet


def key_set(file: Path | None, url: str | None) -> KeySet:
    """The file is preferred. Raises ValueError without either."""
    if file is not None:
        return FileKeySet(file)
    if url is not None:
        return UrlKeySet(url)
    raise ValueError("USHER_GATEWAY_ISSUER needs USHER_GATEWAY_JWKS_FILE or USHER_GATEWAY_JWKS_URL")
