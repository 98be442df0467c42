"""Where BigQuery is and who asks: Google's with the surroundings' credentials, or an emulator with none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import google.auth
import grpc
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1.services.big_query_write import BigQueryWriteAsyncClient
from google.cloud.bigquery_storage_v1.services.big_query_write.transports import BigQueryWriteGrpcAsyncIOTransport

_SCOPES = ["https://www.googleapis.com/auth/bigquery"]
# a channel that could not connect tries again soon; gRPC's own wait grows to two minutes
_CHANNEL_OPTIONS = [
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 5000),  # in truth how long one attempt may take
    ("grpc.max_reconnect_backoff_ms", 2000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.max_receive_message_length", -1),
]


@dataclass(frozen=True, slots=True)
class Emulator:
    """`rest` is a URL (`http://bigquery:9050`), `grpc` an address (`bigquery:9060`). Plain text, no credentials."""

    rest: str
    grpc: str


@dataclass(frozen=True, slots=True)
class BigQueryConnection:
    """A project's BigQuery; `emulator` stands in for Google's. Making one neither connects nor looks for credentials.

    The two methods may wait for credentials (the metadata server): call them off the event loop.
    """

    project: str
    emulator: Emulator | None = None

    def open_client(self) -> bigquery.Client:
        """For queries and the schema. Raises google.auth's errors."""
        if self.emulator is None:
            credentials, _ = google.auth.default(scopes=_SCOPES)
            return bigquery.Client(project=self.project, credentials=credentials)
        return bigquery.Client(
            project=self.project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
            client_options={"api_endpoint": self.emulator.rest},
        )

    def find_writer(self) -> Callable[[], BigQueryWriteAsyncClient]:
        """Finds the credentials; what it returns makes the client on the running event loop, without waiting."""
        if self.emulator is not None:
            address = self.emulator.grpc
            return lambda: _writer(grpc.aio.insecure_channel(address, options=_CHANNEL_OPTIONS))
        credentials, _ = google.auth.default(scopes=_SCOPES)

        def make_channel(host: str, **settings: Any) -> grpc.aio.Channel:
            options = [*settings.pop("options", []), *_CHANNEL_OPTIONS]
            return BigQueryWriteGrpcAsyncIOTransport.create_channel(host, options=options, **settings)

        return lambda: _writer(make_channel, credentials)


def _writer(channel: Any, credentials: Any = None) -> BigQueryWriteAsyncClient:
    return BigQueryWriteAsyncClient(
        transport=BigQueryWriteGrpcAsyncIOTransport(channel=channel, credentials=credentials)
    )
