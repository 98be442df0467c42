"""`python -m usher_local.serve SERVICE`: one service of the embedded stack, in this process.

Started by the supervisor, it inherits its listening socket (USHER_LISTEN_FD) and a pipe on standard input that
closes when the supervisor is gone, whatever ended it: then this process ends too. Started by hand, it binds its port.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import signal
import socket
import sys
import threading
from collections.abc import Callable

from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_settings import SettingsError

from usher_local.stack import HOST, SERVICES, Stack, default_home, load_stack
from usher_shared.http.serving import chosen_exporter, run_app
from usher_shared.telemetry import configure_logging, configure_tracing

UNUSABLE_SETTINGS = 78  # EX_CONFIG of sysexits.h: starting again would not help


def _end_with_supervisor() -> None:
    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True, name="supervisor-watch").start()


def _unusable(error: SettingsError | ValidationError) -> str:
    """What is wrong with which setting; the variable's name ends in the field's."""
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, e['loc'])) or error.title}: {e['msg']}" for e in error.errors()[:5])
    field = re.search(r'field "(\w+)"', str(error))
    return f"{field[1]}: is not valid JSON" if field else str(error)


def main(arguments: list[str]) -> None:
    if len(arguments) != 1 or arguments[0] not in SERVICES:
        raise SystemExit(f"usage: python -m usher_local.serve {{{'|'.join(SERVICES)}}}")
    service = arguments[0]
    root = importlib.import_module(f"usher_local.roots.{service.replace('-', '_')}")
    serve(service, root.build)


def serve(service: str, build: Callable[[Stack], FastAPI]) -> None:
    """Run the app that `build` makes for the stack of USHER_HOME, until told to stop."""
    configure_logging(service, os.environ.get("USHER_LOG_LEVEL", "INFO"))
    configure_tracing(service, chosen_exporter())
    stack = load_stack(default_home())
    try:
        app = build(stack)
    except (SettingsError, ValidationError) as error:
        sys.stderr.write(f"the settings of {service} cannot be used: {_unusable(error)}\n")
        raise SystemExit(UNUSABLE_SETTINGS) from None
    logging.getLogger("usher").info("starting", extra={"port": stack.ports[service]})
    inherited = os.environ.get("USHER_LISTEN_FD")
    sockets = []
    if inherited is not None:
        sockets = [socket.socket(fileno=int(inherited))]
        _end_with_supervisor()
    run_app(app, host=HOST, port=stack.ports[service], sockets=sockets)


if __name__ == "__main__":
    main(sys.argv[1:])
