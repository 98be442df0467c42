"""The Firestore emulator with a memory: what it holds at `docker compose stop` is there again at the next start.

The emulator keeps documents in memory alone. Its own export and import (one per database) put them into DATA. It
listens on a port of its own, and this program on PORT, from after the import until before the export: nobody sees half
of it. A container that is killed goes back to what the last stop saved.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path

from door import Door

PORT, INNER_PORT = 8200, 8201
PROJECT = os.environ["USHER_PROJECT"]
DATABASES = os.environ["USHER_DATABASES"].split()
DATA = Path(os.environ.get("USHER_FIRESTORE_DATA", "/data"))
UP = DATA / ".up"
COMMAND = ["gcloud", "beta", "emulators", "firestore", "start", f"--host-port=127.0.0.1:{INNER_PORT}"]


def ask(verb: str, database: str, folder: Path) -> None:
    """`export` or `import` one database. Raises URLError."""
    body = {"database": f"projects/{PROJECT}/databases/{database}", "export_directory": str(folder)}
    if verb == "export":
        body["export_name"] = database
    request = urllib.request.Request(
        f"http://127.0.0.1:{INNER_PORT}/emulator/v1/projects/{PROJECT}:{verb}",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310  the emulator beside us
        pass


def answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{INNER_PORT}/", timeout=1):
            return True
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


async def main() -> int:
    emulator = await asyncio.create_subprocess_exec(*COMMAND, f"--project={PROJECT}")
    ended = asyncio.create_task(emulator.wait())
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    while not await asyncio.to_thread(answers):
        if ended.done() or stop.is_set():
            emulator.terminate()
            return await ended
        await asyncio.sleep(0.2)  # the emulator does not tell when it is there
    for database in DATABASES:
        metadata = DATA / database / f"{database}.overall_export_metadata"
        if metadata.exists():
            await asyncio.to_thread(ask, "import", database, metadata)
    door = Door(PORT, "127.0.0.1", INNER_PORT)
    await door.open()
    UP.write_text("")
    await asyncio.wait([ended, asyncio.create_task(stop.wait())], return_when=asyncio.FIRST_COMPLETED)
    door.shut()
    if not ended.done():
        for database in DATABASES:
            await asyncio.to_thread(ask, "export", database, DATA)
        emulator.terminate()
    return await ended


if __name__ == "__main__":
    UP.unlink(missing_ok=True)
    sys.exit(asyncio.run(main()))
