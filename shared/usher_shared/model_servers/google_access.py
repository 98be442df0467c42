"""Access tokens of this machine's own Google account, for Vertex AI."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from usher_shared.errors import Unavailable

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_BEFORE_ITS_END = timedelta(minutes=4)  # the metadata server gives no new one earlier than five minutes before
_PAUSE = timedelta(seconds=30)


class GoogleAccess:
    """Application default credentials; a token is reused until four minutes before its end.

    The library's refresh blocks, so it runs in a thread; however many ask, one refresh is under way.
    """

    def __init__(self, credentials: Credentials | None = None) -> None:
        self._credentials = credentials
        self._refreshing: asyncio.Task[str] | None = None
        self._failed_at: datetime | None = None

    async def token(self) -> str:
        """Raises Unavailable when Google gives none."""
        credentials = self._credentials
        now = datetime.now(UTC)
        left = _life_left(credentials, now) if credentials is not None and credentials.token else None
        if left is not None and (left > _BEFORE_ITS_END or (left > timedelta() and self._failed_recently(now))):
            return str(credentials.token)  # type: ignore[union-attr]
        if self._refreshing is None:
            self._refreshing = asyncio.create_task(self._refresh())
            self._refreshing.add_done_callback(self._refreshed)
        return await asyncio.shield(self._refreshing)

    def _failed_recently(self, now: datetime) -> bool:
        return self._failed_at is not None and now - self._failed_at < _PAUSE

    def _refreshed(self, task: asyncio.Task[str]) -> None:
        self._refreshing = None
        if not task.cancelled():
            task.exception()  # whoever waits gets it

    async def _refresh(self) -> str:
        try:
            return await asyncio.to_thread(self._refresh_now)
        except Unavailable:
            self._failed_at = datetime.now(UTC)
            credentials = self._credentials
            if credentials is not None and credentials.token and _life_left(credentials, self._failed_at) > timedelta():
                return str(credentials.token)  # still good for a while
            raise

    def _refresh_now(self) -> str:
        try:
            import google.auth
            from google.auth.exceptions import GoogleAuthError
            from google.auth.transport.requests import Request
        except ImportError as error:
            raise Unavailable("a Google account needs the extra usher-shared[vertex]") from error
        try:
            if self._credentials is None:
                self._credentials, _ = google.auth.default(scopes=[SCOPE])
            self._credentials.refresh(Request())  # type: ignore[no-untyped-call]  # the library has no types here
        except GoogleAuthError as error:
            raise Unavailable(f"no Google credentials: {type(error).__name__}") from error
        if not self._credentials.token:
            raise Unavailable("Google's credentials gave no token")
        return str(self._credentials.token)


def _life_left(credentials: Credentials, now: datetime) -> timedelta:
    expiry = credentials.expiry  # naive UTC; None: never
    return timedelta(days=1) if expiry is None else expiry.replace(tzinfo=UTC) - now
