"""Events about releases, as they are pushed: `model_released` and `model_rolled_back`."""

from __future__ import annotations

import logging

from usher_inference.releases.model import ReleaseRefused
from usher_inference.releases.service import ReleasedModels
from usher_shared.events import Event, InvalidEvent
from usher_shared.events.catalogue import ModelReleased, ModelRolledBack, parse_data

_LOG = logging.getLogger(__name__)


class ReleaseEvents:
    """A release that is refused is acknowledged: sending it again would not make it better.

    So is every event where no store of releases is configured.
    """

    def __init__(self, models: ReleasedModels | None) -> None:
        self._models = models

    async def handle(self, event: Event) -> None:
        """Raises InvalidEvent, and for what a later delivery may find better: Unavailable, NotFound, Conflict."""
        data = parse_data(event)
        if self._models is None:
            return
        try:
            if isinstance(data, ModelReleased):
                await self._models.take_released(data.version, float(data.traffic_percent), event.id, event.time)
            elif isinstance(data, ModelRolledBack):
                if data.version == data.restored_version:
                    raise InvalidEvent(f"{data.version} cannot be restored in its own place")
                await self._models.take_rolled_back(data.version, data.restored_version, event.id)
            else:
                raise InvalidEvent(f"{event.type} is not for this service")
        except ReleaseRefused as error:
            _LOG.error("an announced release was refused", extra={"event_id": event.id, "why": error.detail})
