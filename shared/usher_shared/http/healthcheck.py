"""A container's own health check: `python -m usher_shared.http.healthcheck` asks /health here; it exits 1 if unwell.

The standard library's HTTP client alone: it runs every few seconds beside the service.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_SECONDS = 3.0


def healthy(port: int) -> bool:
    """Whether /health on this machine's `port` answers 200 in time."""
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(0 if healthy(int(os.environ.get("PORT", "8080"))) else 1)
