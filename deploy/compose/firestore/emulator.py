"""The Firestore emulator with a memory: what it holds at `docker compose stop` is there again at the next start.

The emulator keeps documents in memory alone. Its own export and import (one per database) put them into DATA. A
container that is killed goes back to what the last stop saved.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

PORT = 8200
PROJECT = os.environ["USHER_PROJECT"]
DATABASES = os.environ["USHER_DATABASES"].split()
DATA = Path(os.environ.get("USHER_FIRESTORE_DATA", "/data"))
UP = DATA / ".up"
COMMAND = ["gcloud", "beta", "emulators", "firestore", "start", f"--host-port=0.0.0.0:{PORT}", f"--project={PROJECT}"]


def ask(verb: str, database: str, folder: Path) -> None:
    """`export` or `import` one database. Raises URLError."""
    body = {"database": f"projects/{PROJECT}/databases/{database}", "export_directory": str(folder)}
    if verb == "export":
        body["export_name"] = database
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}/emulator/v1/projects/{PROJECT}:{verb}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310  the emulator beside us
        pass


def wait_until_up(emulator: subprocess.Popen[bytes]) -> None:
    while emulator.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=1):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    sys.exit("the emulator did not start")


def main() -> None:
    emulator = subprocess.Popen(COMMAND)  # noqa: S603  our own command

    def stop(*_: object) -> None:
        if UP.exists():  # before that it holds less than DATA does
            for database in DATABASES:
                ask("export", database, DATA)
        emulator.terminate()

    signal.signal(signal.SIGTERM, stop)
    wait_until_up(emulator)
    for database in DATABASES:
        metadata = DATA / database / f"{database}.overall_export_metadata"
        if metadata.exists():
            ask("import", database, metadata)
    UP.write_text("")  # healthy from here: nobody reads before the import
    emulator.wait()


if __name__ == "__main__":
    UP.unlink(missing_ok=True)
    main()
