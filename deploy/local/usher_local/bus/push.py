"""One push: the message in Pub/Sub's envelope, posted to the subscriber with the bus's token."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import aiohttp
import orjson

from usher_local.bus.model import Message
from usher_shared.bus import encode_push
from usher_shared.events import Subscription
from usher_shared.http.tokens import TokenSource

_ACKNOWLEDGED = frozenset({102, 200, 201, 202, 204})
_MAX_ANSWER = 64 << 10
_CONNECT_SECONDS = 5.0
_LIVE_SECONDS = 2.0


class Verdict(Enum):
    ACKNOWLEDGED = "acknowledged"
    INVALID = "invalid"  # the subscriber will never take it
    FAILED = "failed"  # the subscriber may have had it
    UNREACHABLE = "unreachable"  # nobody listened: the subscriber never saw it


@dataclass(frozen=True, slots=True)
class Outcome:
    verdict: Verdict
    reason: str = ""


class PushClient:
    """`url_of` maps a service to its base URL; `tokens` are the bus's own."""

    def __init__(self, url_of: Callable[[str], str], tokens: TokenSource) -> None:
        self._url_of = url_of
        self._tokens = tokens
        self._session: aiohttp.ClientSession | None = None

    async def push(self, subscription: Subscription, message: Message, attempt: int) -> Outcome:
        """Waits for the answer at most as long as the acknowledgement deadline."""
        body = encode_push(
            message.data,
            message.attributes,
            message_id=str(message.seq),
            publish_time=message.published_at,
            subscription=f"projects/local/subscriptions/{subscription.name}",
            ordering_key=message.ordering_key or None,
            delivery_attempt=attempt,
        )
        headers = {
            "Authorization": f"Bearer {await self._tokens.token(subscription.service)}",
            "Content-Type": "application/json",
        }
        try:
            async with self._open().post(
                self._url_of(subscription.service) + subscription.path,
                data=orjson.dumps(body),
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=subscription.ack_deadline_seconds, connect=_CONNECT_SECONDS),
                allow_redirects=False,
            ) as response:
                answer = await response.content.read(_MAX_ANSWER)
                return _judge(response.status, answer)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            return Outcome(Verdict.UNREACHABLE, str(error))
        except TimeoutError:
            reason = f"no answer within {subscription.ack_deadline_seconds:g} s"
            alive = await self._is_alive(subscription.service, min(_LIVE_SECONDS, subscription.ack_deadline_seconds))
            return Outcome(Verdict.FAILED if alive else Verdict.UNREACHABLE, reason)
        except aiohttp.ClientError as error:
            return Outcome(Verdict.FAILED, f"the connection broke: {error!r}")

    async def _is_alive(self, service: str, within_seconds: float) -> bool:
        """Whether a process answers there. A connection alone says nothing: a supervisor may hold the socket."""
        try:
            async with self._open().get(
                self._url_of(service) + "/live", timeout=aiohttp.ClientTimeout(total=within_seconds)
            ) as response:
                return response.status < 500
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=4.0)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session


def _judge(status: int, answer: bytes) -> Outcome:
    if status in _ACKNOWLEDGED:
        return Outcome(Verdict.ACKNOWLEDGED)
    try:
        problem = orjson.loads(answer)
    except orjson.JSONDecodeError:
        problem = None
    if not isinstance(problem, dict):
        return Outcome(Verdict.FAILED, f"answered {status}")
    reason = f"answered {status} {problem.get('code')}: {problem.get('detail')}"[:1000]
    invalid = status == 400 and problem.get("code") == "invalid_event"
    return Outcome(Verdict.INVALID if invalid else Verdict.FAILED, reason)
