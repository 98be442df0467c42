"""A Redis client whose every wait is bounded: a server that hangs costs a request some tens of milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redis.asyncio import BlockingConnectionPool

SCHEMES = ("redis://", "rediss://")
_CONNECTIONS = 64


def connection_pool(uri: str, timeout_seconds: float) -> BlockingConnectionPool:
    """Of `redis://[[user]:password@]host:port[/db]`; `rediss://` is TLS, with `?ssl_ca_certs=FILE` for a private CA.

    A broken connection is opened anew once, at once; a silent one is not asked again. Raises ValueError.
    """
    # lazily, so that a gateway without Redis does not pay for its client
    from redis.asyncio import BlockingConnectionPool
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff
    from redis.exceptions import ConnectionError as Broken

    try:
        return BlockingConnectionPool.from_url(
            uri,
            max_connections=_CONNECTIONS,
            timeout=timeout_seconds,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 1, (Broken,)),
        )
    except ValueError:  # its text may hold a part of the password
        raise ValueError("no Redis URI: a password's own / ? # have to be percent-encoded") from None
