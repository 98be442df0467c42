"""The connection to Pub/Sub or to its emulator."""

from __future__ import annotations

import asyncio

import google.auth
import grpc
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport

_OPTIONS = (
    # a server that comes back is found within a second; by default the pause grows to two minutes
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.min_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
)


async def open_channel(emulator_host: str | None) -> grpc.aio.Channel:
    """Without an emulator: Google's, as this machine's own account. Raises google.auth's GoogleAuthError."""
    if emulator_host is not None:
        return grpc.aio.insecure_channel(emulator_host, options=_OPTIONS)
    transport = PublisherGrpcAsyncIOTransport  # subscribers have the same address and scopes
    # asks the metadata server, in a blocking way
    credentials, _ = await asyncio.to_thread(google.auth.default, scopes=transport.AUTH_SCOPES)
    return transport.create_channel(credentials=credentials, options=_OPTIONS)
