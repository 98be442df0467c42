"""Containers of the images, as confined as they can be, through the `docker` command."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

CONFINED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]  # noqa: S108
HEALTHY_SECONDS = 60.0


def docker(*arguments: str) -> bytes:
    """What the command prints."""
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True)
    assert done.returncode == 0, f"docker {' '.join(arguments)}:\n{(done.stdout + done.stderr).decode()[-3000:]}"
    return done.stdout


class Container:
    """A service that runs with nothing to reach: no network, a read-only file system, no privileges."""

    def __init__(self, image: str) -> None:
        settings = ["--env", "USHER_PROJECT=nowhere", "--env", "USHER_SERVICE_URL=https://usher-{service}.invalid"]
        often = ["--health-interval", "1s"]
        run = docker("run", "--detach", "--network", "none", *CONFINED, *settings, *often, image)
        self.id = run.decode().strip()

    def state(self) -> Any:
        return json.loads(docker("inspect", "--format", "{{json .State}}", self.id))

    def python(self, program: str) -> Any:
        """What the program, run by the image's Python inside, prints as JSON."""
        return json.loads(docker("exec", self.id, "python", "-c", program))

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + HEALTHY_SECONDS
        while (state := self.state())["Health"]["Status"] != "healthy":
            assert state["Running"], f"it ended with {state['ExitCode']}:\n{self.logs()[-3000:]}"
            assert time.monotonic() < deadline, f"{state['Health']}\n{self.logs()[-3000:]}"
            time.sleep(0.1)

    def logs(self) -> str:
        command = ["docker", "logs", self.id]
        return subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout

    def stop(self) -> int:
        """Ends it as Cloud Run does: SIGTERM, and SIGKILL (exit status 137) ten seconds later."""
        docker("stop", "--time", "10", self.id)
        return int(self.state()["ExitCode"])
