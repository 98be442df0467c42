"""`python -m usher_compose SERVICE`: the service's Google Cloud root, connected to the emulators."""

from __future__ import annotations

import importlib
import os
import sys

from fastapi import FastAPI

from usher_compose.push_secret import accept_push_secret
from usher_compose.stack import connect, read_secret, ticket_signing_key
from usher_shared.cloud import SERVICES, Cloud, start


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in SERVICES:
        raise SystemExit(f"usage: python -m usher_compose {{{'|'.join(SERVICES)}}}")
    service = arguments[0]
    # the logger's BigQuery client takes an address and no credentials here
    root = "usher_compose.logger" if service == "logger" else f"usher_{service.replace('-', '_')}.__main__"

    if service == "tools":
        os.environ.setdefault("USHER_TOOLS_TICKET_SIGNING_KEY", ticket_signing_key())

    def build(cloud: Cloud) -> FastAPI:
        app: FastAPI = importlib.import_module(root).build(cloud)
        accept_push_secret(app, service, read_secret())
        return app

    start(service, build, lambda settings: connect(settings, service))


if __name__ == "__main__":
    main(sys.argv[1:])
