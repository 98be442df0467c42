"""What endpoints ask for: the room's parts, an identity with a scope, the customer a request is for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Header, Path, Query, Request, Response

from usher_gateway.admission import identity_of
from usher_gateway.catalogue.service import SharedReads
from usher_gateway.feedback.service import FeedbackDesk
from usher_gateway.identity.model import ID_LENGTH, ID_PATTERN, Identity
from usher_gateway.identity.service import choose_principal, require_scope
from usher_gateway.replay.model import Answer
from usher_gateway.replay.service import Replays
from usher_gateway.settings import Settings
from usher_gateway.upstream import Upstream
from usher_shared.contracts.identity import Principal
from usher_shared.errors import UsherError
from usher_shared.http.client import RawAnswer
from usher_shared.http.problem import render_error


@dataclass(frozen=True, slots=True)
class Room:
    """The parts that endpoints work with; stands in `app.state.room`."""

    settings: Settings
    upstreams: Mapping[str, Upstream]
    replays: Replays
    feedback: FeedbackDesk
    catalogue: SharedReads

    @property
    def agent(self) -> Upstream:
        return self.upstreams["agent"]

    @property
    def tools(self) -> Upstream:
        return self.upstreams["tools"]

    @property
    def webhooks(self) -> Upstream:
        return self.upstreams["webhooks"]

    @property
    def logger(self) -> Upstream:
        return self.upstreams["logger"]


async def _room(request: Request) -> Room:
    return cast(Room, request.app.state.room)


InRoom = Annotated[Room, Depends(_room)]
PathId = Annotated[str, Path(pattern=ID_PATTERN, min_length=1, max_length=ID_LENGTH)]
CustomerId = Annotated[
    str | None,
    Query(
        pattern=ID_PATTERN,
        min_length=1,
        max_length=ID_LENGTH,
        description="whom the request is for; needs the scope act_as_customer",
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="a repeated request with the same key and body gets the first one's answer",
    ),
]


def caller(*any_of: str) -> Callable[..., Awaitable[Identity]]:
    """A dependency: the identity, if it has one of the scopes; 403 otherwise."""

    async def check(request: Request) -> Identity:
        identity = identity_of(request)
        require_scope(identity, *any_of)
        return identity

    return check


def customer(*any_of: str) -> Callable[..., Awaitable[Principal]]:
    """A dependency: the customer, who is the caller or named by `?customer_id=`; 403 without the scopes."""

    async def choose(request: Request, customer_id: CustomerId = None) -> Principal:
        identity = identity_of(request)
        require_scope(identity, *any_of)
        return choose_principal(identity, customer_id)

    return choose


ChatCustomer = Annotated[Principal, Depends(customer("chat"))]


def replay_scope(request: Request, principal: Principal) -> tuple[str, ...]:
    """What an Idempotency-Key is unique within."""
    return (principal.client_id, principal.customer_id, f"{request.method} {request.url.path}")


def render_problem(error: UsherError) -> Answer:
    """The problem document as an answer that can be recorded."""
    response = render_error(error)
    return Answer(response.status_code, bytes(response.body), str(response.media_type))


def from_raw(answer: RawAnswer, *, conversation_id: str | None = None) -> Answer:
    return Answer(answer.status, answer.body, conversation_id=conversation_id)


def respond(answer: Answer) -> Response:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
    return Response(answer.body, answer.status, headers, answer.media_type if answer.body else None)
