"""The logger's root, its warehouse on the BigQuery emulator."""

from __future__ import annotations

import os

from fastapi import FastAPI

from usher_logger.__main__ import build_on
from usher_logger.adapters.bigquery_connection import BigQueryConnection, Emulator
from usher_shared.cloud import Cloud


def build(cloud: Cloud) -> FastAPI:
    """The emulator is where BIGQUERY_EMULATOR_HOST (a URL) and USHER_BIGQUERY_GRPC (`host:port`) say."""
    emulator = Emulator(rest=os.environ["BIGQUERY_EMULATOR_HOST"], grpc=os.environ["USHER_BIGQUERY_GRPC"])
    return build_on(BigQueryConnection(cloud.project, emulator), cloud)
