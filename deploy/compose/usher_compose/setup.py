"""`python -m usher_compose.setup`: makes what the services expect, and makes it again when an emulator forgot it.

The stack's secret, topics and subscriptions come first (healthy from then on), the sample catalogue as soon as the
box office answers. The emulators keep their state in memory: a restarted one is empty until the next look.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from usher_compose.door import Door
from usher_compose.push_secret import push_endpoint
from usher_compose.stack import connect, ensure_secret
from usher_local.seed import HOME_TIME_ZONE, seed_catalogue
from usher_shared.bus.pubsub_topology import ensure_topology
from usher_shared.cloud import Cloud, CloudSettings
from usher_shared.errors import UsherError
from usher_shared.events.topics import load_topics
from usher_shared.telemetry import configure_logging

_LOG = logging.getLogger("usher")
_LOOK_SECONDS = 2.0
DOOR_PORT = 8085
HEALTHY = Path("/tmp/healthy")  # noqa: S108  the container's own


async def seed_if_empty(cloud: Cloud) -> None:
    """The sample catalogue around today, unless the box office has events. Raises UsherError while it is away."""
    async with cloud.client("tools", timeout_seconds=120) as tools:
        if (await tools.call("GET", "/events"))["events"]:
            return
        now = datetime.now(ZoneInfo(HOME_TIME_ZONE))
        counts = await tools.call("POST", "/catalogue", json=seed_catalogue(now.date(), now.hour))
    _LOG.info("catalogue imported", extra={"counts": counts})


async def look(cloud: Cloud, secret: str, door: Door) -> None:
    """Topology and catalogue, made where missing. Raises UsherError for what cannot be had yet.

    The services reach Pub/Sub by the door, which is open while the topology stands: what they published to a topic
    that has no subscription yet would be gone.
    """
    try:
        changed = await ensure_topology(
            cloud.project,
            load_topics(),
            lambda service, path: push_endpoint(cloud.url(service) + path, secret),
            dead_letters=False,  # the emulator loses ordered messages that it should bury
            emulator_host=cloud.pubsub_emulator,
        )
    except UsherError:
        door.shut()
        raise
    if changed:
        _LOG.info("topology made", extra={"changed": len(changed)})
    await door.open()
    HEALTHY.touch()  # noqa: ASYNC240  a file in memory
    await seed_if_empty(cloud)


async def keep(cloud: Cloud, secret: str) -> None:
    """For ever."""
    failing = False
    door = Door(DOOR_PORT, *_host_and_port(cloud.pubsub_emulator or ""))
    while True:
        try:
            await look(cloud, secret, door)
            failing = False
        except UsherError as error:
            if not failing:
                _LOG.warning("not everything is there yet", extra={"error": str(error)})
            failing = True
        await asyncio.sleep(_LOOK_SECONDS)  # the emulators announce nothing


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host, int(port)


def main() -> None:
    settings = CloudSettings()
    configure_logging("setup", settings.log_level, project=settings.project)
    secret = ensure_secret()
    asyncio.run(keep(connect(settings, "cli"), secret))


if __name__ == "__main__":
    main()
