"""Which pages and names a request may come through: the protocol's guard against DNS rebinding.

A page of any site can be made to reach a server of this machine under the site's own name; then `Origin` and `Host`
tell of it. https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#security-warning
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from usher_shared.errors import Forbidden

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_origin(origin: str | None, host: str | None, *, origins: Collection[str], public_url: str | None) -> None:
    """Raises Forbidden for an origin that is not allowed, and for a host that is neither loopback nor public."""
    if origin is not None and origin not in origins:
        raise Forbidden("pages of this origin may not call here", code="wrong_origin")
    public = _name(urlsplit(public_url).netloc) if public_url else None
    name = _name(host or "")
    if name is None or (name not in _LOOPBACK and name != public):
        raise Forbidden("this server is not called by that name: see USHER_GATEWAY_PUBLIC_URL", code="wrong_host")


def _name(authority: str) -> str | None:
    """The host without port, in lower case; None for what names none."""
    try:
        return urlsplit(f"//{authority}").hostname
    except ValueError:
        return None
