"""What models may cost in a conversation and on a day. When it is spent, what costs nothing answers.

A day's sum is over all processes of the agent: each adds to a document of its own (`agent_spending/{day}:{owner}`) and
reads the others' now and then, so that no turn waits for it and a restart forgets nothing. Between two such moments
each process can overshoot by what it spends in that time; so can turns that run at the same moment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import UTC, timedelta

from usher_agent.models.ports import Completion
from usher_agent.models.prices import NANOS
from usher_shared.clock import Clock, to_timestamp
from usher_shared.documents import DocumentStore, Filter, Query
from usher_shared.errors import UsherError

_LOG = logging.getLogger(__name__)
SPENDING = "agent_spending"
_KEPT = timedelta(days=40)
_EXCHANGE_SECONDS = 10.0
_PROCESSES = 200


class Budget:
    """Limits in US dollars; None: none. `start` and `stop` belong to the process."""

    def __init__(
        self,
        store: DocumentStore,
        clock: Clock,
        *,
        owner: str,
        conversation_usd: float | None,
        daily_usd: float | None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._owner = owner
        self._conversation_nanos = None if conversation_usd is None else round(conversation_usd * NANOS)
        self._daily_nanos = None if daily_usd is None else round(daily_usd * NANOS)
        self._day = ""
        self._own = 0  # of today, by this process; `_others` as last read
        self._others = 0
        self._stored = 0
        self._told = False
        self._task: asyncio.Task[None] | None = None

    def is_spent(self, conversation_nanos: int) -> bool:
        """Whether a conversation that has cost so much may cost no more, for itself or for the day."""
        if self._conversation_nanos is not None and conversation_nanos >= self._conversation_nanos:
            return True
        if self._daily_nanos is None:
            return False
        self._turn_the_page()
        spent = self._own + self._others >= self._daily_nanos
        if spent and not self._told:
            self._told = True
            _LOG.warning("the day's budget for models is spent; what costs nothing answers until midnight UTC")
        return spent

    def add(self, completion: Completion, conversation_nanos: int) -> None:
        """`conversation_nanos` with this completion."""
        limit = self._conversation_nanos
        if limit is not None and conversation_nanos - completion.charged_nanos < limit <= conversation_nanos:
            _LOG.info("a conversation's budget for models is spent; what costs nothing answers in it from now on")
        if self._daily_nanos is not None:
            self._turn_the_page()
            self._own += completion.charged_nanos

    def _turn_the_page(self) -> None:
        day = self._clock.now().astimezone(UTC).date().isoformat()
        if day != self._day:
            self._day, self._own, self._others, self._stored, self._told = day, 0, 0, 0, False

    async def start(self) -> None:
        """With a daily limit: read what was spent, and exchange it regularly from then on."""
        if self._daily_nanos is None:
            return
        with contextlib.suppress(UsherError):  # the next exchange reads it
            await self.exchange()
        self._task = asyncio.create_task(self._repeat(), name="model-spending")

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        with contextlib.suppress(UsherError):
            await self.exchange()

    async def _repeat(self) -> None:
        while True:
            await asyncio.sleep(_EXCHANGE_SECONDS)
            try:
                await self.exchange()
            except Exception as error:  # whatever it was, the next round has to happen
                _LOG.error("what models cost could not be exchanged", exc_info=error)

    async def exchange(self) -> None:
        """Write what this process has spent today, and read what the others have."""
        self._turn_the_page()
        day, own = self._day, self._own
        if own != self._stored:
            document = {
                "day": day,
                "owner": self._owner,
                "nanos": own,
                "expires_at": to_timestamp(self._clock.now() + _KEPT),
            }
            await self._store.set(SPENDING, f"{day}:{self._owner}", document)
        page = await self._store.query(Query(SPENDING, (Filter("day", "==", day),), order_by="owner", limit=_PROCESSES))
        if day == self._day:
            self._stored = own
            self._others = sum(d.data["nanos"] for d in page.documents if d.data["owner"] != self._owner)
