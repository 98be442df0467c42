"""Where webhooks may be sent: the rule for URLs and for the addresses they resolve to.

The rule for addresses is applied to the very address that is connected to (`adapters.http`); the rule for URLs
is the early, friendly half of it.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from usher_shared.errors import Unprocessable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# networks of one's own: loopback, RFC 1918, unique local
_PRIVATE = tuple(
    map(ipaddress.ip_network, ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7"))
)
# IANA's special-purpose registries, besides the private ones
_SPECIAL_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8",
            "100.64.0.0/10",  # carrier-grade NAT
            "169.254.0.0/16",  # link-local, with every cloud's metadata service
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",  # 6to4 relays
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and broadcast
        ),
    )
)
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")  # mapped, NAT64, link-local and multicast addresses lie outside
_SPECIAL_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        (
            "2001::/23",  # Teredo and other protocol assignments
            "2001:db8::/32",
            "2002::/16",  # 6to4: carries an IPv4 address
            "3fff::/20",
        ),
    )
)
_METADATA_V6 = tuple(map(ipaddress.IPv6Network, ("fd00:ec2::/32", "fd20:ce::/32")))  # inside the unique local range
_LOCAL_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa")


class ForbiddenDestination(Unprocessable):
    """Webhooks are not sent there."""

    code = "forbidden_destination"


def _contained(address: Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


def _literal(host: str) -> Address | None:
    """The address that a host is another spelling of: dotted, decimal, hexadecimal, octal, short, or IPv6."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


@dataclass(frozen=True, slots=True)
class DestinationPolicy:
    """By default public addresses over https; with `allow_private_networks` also http, loopback and private ones."""

    allow_private_networks: bool = False

    def allows(self, address: str) -> bool:
        """Whether that numeric address may be connected to."""
        parsed = ipaddress.ip_address(address)
        if _contained(parsed, _PRIVATE):
            return self.allow_private_networks and not _contained(parsed, _METADATA_V6)
        if isinstance(parsed, ipaddress.IPv4Address):
            return not _contained(parsed, _SPECIAL_V4)
        return parsed in _GLOBAL_V6 and not _contained(parsed, _SPECIAL_V6)

    def check_url(self, url: str) -> tuple[str, int]:
        """Host and port of an acceptable URL. Raises ForbiddenDestination; names are not resolved here."""
        if not url.isascii() or not url.isprintable() or "\\" in url:
            raise ForbiddenDestination("a webhook URL is printable ASCII without backslashes")
        try:
            parts = urlsplit(url)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise ForbiddenDestination(f"not a URL: {error}") from error
        if parts.scheme != "https" and not (parts.scheme == "http" and self.allow_private_networks):
            raise ForbiddenDestination("a webhook URL has to start with https://")
        if parts.username is not None or parts.password is not None:
            raise ForbiddenDestination("a webhook URL carries no user name or password")
        host = (parts.hostname or "").rstrip(".")
        if not host:
            raise ForbiddenDestination("a webhook URL names a host")
        address = _literal(host)
        if address is not None and not self.allows(str(address)):
            raise ForbiddenDestination("webhooks are not sent to that address")
        labels = host.split(".")
        local = len(labels) == 1 or any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES)
        if address is None and local and not self.allow_private_networks:
            raise ForbiddenDestination("webhooks are not sent to local names")
        return host, port
