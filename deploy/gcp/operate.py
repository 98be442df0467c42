"""What an operator does to Usher on Google Cloud: API keys, catalogue, cancelled events, support tickets, dead letters.

    gcloud auth application-default login --impersonate-service-account usher-operator@PROJECT.iam.gserviceaccount.com
    python deploy/gcp/operate.py --project PROJECT keys create "our website" --scope chat --scope orders
    python deploy/gcp/operate.py --project PROJECT catalogue import season.yaml
    python deploy/gcp/operate.py --project PROJECT events cancel neon-harbor --reason "The hall is flooded."
    python deploy/gcp/operate.py --project PROJECT support approve SUP_01M7 --by olga --note "a death in the family"
    python deploy/gcp/operate.py --project PROJECT knowledge build documents/
    python deploy/gcp/operate.py --project PROJECT dead-letters show ticket_purchased

Keys, catalogue, cancellations and decisions on tickets are written straight into the services' databases. Needs a
developer's environment (`make install`).
FIRESTORE_EMULATOR_HOST and PUBSUB_EMULATOR_HOST lead to emulators, as with Google's own clients.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from google.api_core.exceptions import DeadlineExceeded, GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1.services.publisher.async_client import PublisherAsyncClient
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.async_client import SubscriberAsyncClient
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport
from google.pubsub_v1.types import PubsubMessage, ReceivedMessage
from pydantic import ValidationError

from usher_agent.adapters.knowledge_indexes import vector_search_index
from usher_agent.adapters.vertex_knowledge import VertexKnowledge
from usher_agent.handover.service import read_transcript
from usher_agent.knowledge.model import Question
from usher_agent.knowledge.service import build as build_knowledge
from usher_agent.knowledge.settings import KnowledgeSettings
from usher_agent.knowledge.tool import passage_of
from usher_gateway.identity.keys import create_key, list_keys, revoke_key
from usher_shared.bus.pubsub_channel import open_channel
from usher_shared.bus.pubsub_topology import kept
from usher_shared.clock import SystemClock
from usher_shared.documents import DocumentStore
from usher_shared.documents.firestore import FirestoreDocumentStore
from usher_shared.errors import InvalidRequest, NotFound, UsherError
from usher_shared.events import load_topics
from usher_shared.ids import UlidGenerator
from usher_tools.adapters.catalogue_files import read_catalogue
from usher_tools.cancellations.service import cancel_event, get_cancellation
from usher_tools.catalogue.service import import_catalogue
from usher_tools.settings import Settings as ToolsSettings
from usher_tools.support.model import TicketDecision
from usher_tools.support.service import decide_ticket, find_ticket, list_tickets

_BATCH = 100
_PULL_SECONDS = 5.0
_CALL_SECONDS = 30.0
_OF_DEAD_LETTERS = "CloudPubSubDeadLetter"  # what Pub/Sub adds: where it comes from, how often it was tried


@asynccontextmanager
async def _store(given: argparse.Namespace, service: str) -> AsyncIterator[DocumentStore]:
    emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")
    store = FirestoreDocumentStore(given.project, f"usher-{service}", emulator=emulator)
    try:
        yield store
    finally:
        await store.close()


async def _create(given: argparse.Namespace) -> dict[str, Any]:
    async with _store(given, "gateway") as store:
        created = await create_key(
            store, SystemClock(), name=given.name, scopes=given.scope, requests_per_minute=given.per_minute
        )
    key = created.key
    return {"client_id": key.client_id, "name": key.name, "scopes": list(key.scopes), "api_key": created.secret}


async def _list(given: argparse.Namespace) -> list[dict[str, Any]]:
    async with _store(given, "gateway") as store:
        keys = await list_keys(store)
    return [
        {
            "key_id": key.key_id,
            "name": key.name,
            "scopes": list(key.scopes),
            "requests_per_minute": key.requests_per_minute,
            "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
        }
        for key in keys
    ]


async def _revoke(given: argparse.Namespace) -> dict[str, Any]:
    async with _store(given, "gateway") as store:
        key = await revoke_key(store, SystemClock(), given.key_id)
    return {"key_id": key.key_id, "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None}


async def _import(given: argparse.Namespace) -> dict[str, int]:
    catalogue = read_catalogue(given.file)
    async with _store(given, "tools") as store:
        return (await import_catalogue(catalogue, store, SystemClock(), UlidGenerator())).model_dump()


async def _cancel(given: argparse.Namespace) -> dict[str, Any]:
    """The box office notices within USHER_TOOLS_RECONCILE_SECONDS and refunds."""
    async with _store(given, "tools") as store:
        return (await cancel_event(given.event, given.reason, store, SystemClock())).model_dump(mode="json")


async def _cancellation(given: argparse.Namespace) -> dict[str, Any]:
    async with _store(given, "tools") as store:
        return (await get_cancellation(given.event, store)).model_dump(mode="json")


async def _support_tickets(given: argparse.Namespace) -> dict[str, Any]:
    async with _store(given, "tools") as store:
        return (await list_tickets(store, given.status, limit=given.limit)).model_dump(mode="json")


async def _support_ticket(given: argparse.Namespace) -> dict[str, Any]:
    """A ticket with the conversation that it is about, where there is one and it was not erased."""
    async with _store(given, "tools") as store:
        ticket = await find_ticket(store, given.ticket)
    transcript = None
    if ticket.conversation_id is not None:
        async with _store(given, "agent") as store:
            with suppress(NotFound):
                transcript = await read_transcript(store, ticket.conversation_id, ticket.ticket_id)
    said = transcript.model_dump(mode="json") if transcript is not None else None
    return {"ticket": ticket.model_dump(mode="json"), "transcript": said}


async def _decide(given: argparse.Namespace) -> dict[str, Any]:
    decision = TicketDecision(by=given.by, note=given.note)
    days = ToolsSettings().waiver_days if given.waiver_days is None else given.waiver_days
    async with _store(given, "tools") as store:
        decided = await decide_ticket(store, SystemClock(), given.ticket, given.outcome, decision, waiver_days=days)
    return decided.model_dump(mode="json")


@asynccontextmanager
async def _knowledge(given: argparse.Namespace) -> AsyncIterator[VertexKnowledge]:
    """The index that the agent's settings name (USHER_AGENT_KNOWLEDGE_…), as the agent has them."""
    async with _store(given, "agent") as store:
        index = vector_search_index(store, SystemClock(), KnowledgeSettings())
        if index is None:
            raise InvalidRequest("set USHER_AGENT_KNOWLEDGE_INDEX, or _ENDPOINT; docs/guides/knowledge.md says how")
        try:
            yield index
        finally:
            await index.close()


async def _knowledge_build(given: argparse.Namespace) -> dict[str, Any]:
    async with _knowledge(given) as index:
        return asdict(await build_knowledge(given.folder, index, zone=ZoneInfo(given.time_zone)))


async def _knowledge_search(given: argparse.Namespace) -> list[dict[str, Any]]:
    async with _knowledge(given) as index:
        question = Question(given.query, SystemClock().now(), venue_id=given.venue)
        return [passage_of(hit) for hit in await index.search(question)]


async def _knowledge_stats(given: argparse.Namespace) -> dict[str, Any]:
    async with _knowledge(given) as index:
        stats = asdict(await index.stats(SystemClock().now()))
    return stats | {"built_at": stats["built_at"] and stats["built_at"].isoformat()}


class _DeadLetters:
    """What waits in a topic's dead-letter subscription."""

    def __init__(self, given: argparse.Namespace, channel: Any) -> None:
        self._limit: int = given.limit
        self.topic = f"projects/{given.project}/topics/{given.topic}"
        name = next(topic.dead_letter_topic for topic in load_topics().topics if topic.name == given.topic)
        self.subscription = f"projects/{given.project}/subscriptions/{kept(name)}"
        self.publisher = PublisherAsyncClient(transport=PublisherGrpcAsyncIOTransport(channel=channel))
        self.subscriber = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel))

    async def read(self) -> AsyncIterator[ReceivedMessage]:
        """At most `limit`, each once; ends when nothing new comes for a moment."""
        seen: set[str] = set()
        while len(seen) < self._limit:
            new = [received for received in await self._pull() if received.message.message_id not in seen]
            if not new:
                return
            for received in new[: self._limit - len(seen)]:
                seen.add(received.message.message_id)
                yield received

    async def _pull(self) -> list[ReceivedMessage]:
        try:
            answer = await self.subscriber.pull(
                subscription=self.subscription, max_messages=_BATCH, timeout=_PULL_SECONDS, retry=None
            )
        except DeadlineExceeded:  # nothing came
            return []
        return list(answer.received_messages)


@asynccontextmanager
async def _dead_letters(given: argparse.Namespace) -> AsyncIterator[_DeadLetters]:
    channel = await open_channel(os.environ.get("PUBSUB_EMULATOR_HOST"))
    async with channel:
        yield _DeadLetters(given, channel)


async def _show(given: argparse.Namespace) -> list[dict[str, Any]]:
    async with _dead_letters(given) as letters:
        shown = [received async for received in letters.read()]
        if shown:  # back at once: looking takes nothing away
            await letters.subscriber.modify_ack_deadline(
                subscription=letters.subscription,
                ack_ids=[received.ack_id for received in shown],
                ack_deadline_seconds=0,
                timeout=_CALL_SECONDS,
            )
    return [
        {
            "published_at": received.message.publish_time.isoformat(),
            "attributes": dict(received.message.attributes),
            "event": received.message.data.decode("utf-8", "replace"),
        }
        for received in shown
    ]


async def _redrive(given: argparse.Namespace) -> dict[str, int]:
    """Published anew first, acknowledged then: killed between, one comes twice, which subscribers notice by its id."""
    count = 0
    async with _dead_letters(given) as letters:
        async for received in letters.read():
            dead = received.message
            own = {key: value for key, value in dead.attributes.items() if not key.startswith(_OF_DEAD_LETTERS)}
            message = PubsubMessage(data=dead.data, attributes=own, ordering_key=dead.ordering_key)
            await letters.publisher.publish(topic=letters.topic, messages=[message], timeout=_CALL_SECONDS)
            await letters.subscriber.acknowledge(
                subscription=letters.subscription, ack_ids=[received.ack_id], timeout=_CALL_SECONDS
            )
            count += 1
    return {"redriven": count}


def _waiver_days(text: str) -> float:
    """Within the range that the box office's own setting has."""
    try:
        return ToolsSettings.model_validate({"waiver_days": text}).waiver_days
    except ValidationError as error:
        raise argparse.ArgumentTypeError(error.errors()[0]["msg"]) from error


def _add_knowledge(verbs: Any) -> None:
    making = verbs.add_parser("build", help="bring the index in line with a folder; what is gone is forgotten")
    making.add_argument("folder", type=Path)
    making.add_argument("--time-zone", default="UTC", help="IANA name; where a document's last day ends")
    making.set_defaults(act=_knowledge_build)
    asking = verbs.add_parser("search", help="the passages that the agent would find now")
    asking.add_argument("query")
    asking.add_argument("--venue")
    asking.set_defaults(act=_knowledge_search)
    verbs.add_parser("stats", help="what the index holds").set_defaults(act=_knowledge_stats)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Administer Usher on Google Cloud.")
    parser.add_argument("--project", required=True, help="the Google Cloud project")
    rooms = parser.add_subparsers(required=True)

    keys = rooms.add_parser("keys", help="API keys of client applications").add_subparsers(required=True)
    create = keys.add_parser("create", help="make one; it is shown once")
    create.add_argument("name")
    create.add_argument("--scope", action="append", required=True, help="chat, orders, act_as_customer, webhooks, ...")
    create.add_argument("--per-minute", type=int, help="requests a minute; default: the gateway's own limit")
    create.set_defaults(act=_create)
    keys.add_parser("list", help="all, without their secrets").set_defaults(act=_list)
    revoke = keys.add_parser("revoke", help="refuse one from now on; gateways notice within seconds")
    revoke.add_argument("key_id")
    revoke.set_defaults(act=_revoke)

    catalogue = rooms.add_parser("catalogue", help="venues and events").add_subparsers(required=True)
    load = catalogue.add_parser("import", help="add or change; docs/guides/catalogue.md has the format")
    load.add_argument("file", type=Path)
    load.set_defaults(act=_import)

    events = rooms.add_parser("events", help="cancelling with refunds for all").add_subparsers(required=True)
    cancel = events.add_parser("cancel", help="end its sale for good and refund every order; again: retry refused ones")
    cancel.add_argument("event")
    cancel.add_argument("--reason", required=True, help="told to every customer")
    cancel.set_defaults(act=_cancel)
    progress = events.add_parser("cancellation", help="how far the refunds are")
    progress.add_argument("event")
    progress.set_defaults(act=_cancellation)

    support = rooms.add_parser("support", help="support tickets, exceptions from policies").add_subparsers(
        required=True
    )
    listing = support.add_parser("list", help="the oldest first")
    listing.add_argument("--status", choices=["open", "approved", "rejected", "closed"], default="open")
    listing.add_argument("--limit", type=int, default=50)
    listing.set_defaults(act=_support_tickets)
    showing = support.add_parser("show", help="one with its conversation, without personal data")
    showing.add_argument("ticket")
    showing.set_defaults(act=_support_ticket)
    for word, outcome, text in (
        ("approve", "approved", "make the exception, good once"),
        ("reject", "rejected", "make none"),
        ("close", "closed", "end one that asks for none"),
    ):
        deciding = support.add_parser(word, help=text)
        deciding.add_argument("ticket")
        deciding.add_argument("--by", required=True, help="who decides")
        deciding.add_argument("--note", required=True, help="why; kept with the ticket")
        deciding.add_argument(
            "--waiver-days",
            type=_waiver_days,
            help="how long an approval is good; default: USHER_TOOLS_WAIVER_DAYS, else 7",
        )
        deciding.set_defaults(act=_decide, outcome=outcome)

    _add_knowledge(rooms.add_parser("knowledge", help="documents in Vector Search").add_subparsers(required=True))
    letters = rooms.add_parser("dead-letters", help="events that a subscriber refused").add_subparsers(required=True)
    for name, act, text in (
        ("show", _show, "without taking them"),
        ("redrive", _redrive, "publish them anew to their topic, once the cause is mended"),
    ):
        command = letters.add_parser(name, help=text)
        command.add_argument("topic", choices=[topic.name for topic in load_topics().topics])
        command.add_argument("--limit", type=int, default=1000, help="at most so many")
        command.set_defaults(act=act)
    return parser


def main() -> None:
    given = _parser().parse_args()
    try:
        answer = asyncio.run(given.act(given))
    except (UsherError, GoogleAPIError, GoogleAuthError, OSError) as error:
        raise SystemExit(str(error)) from error
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")


if __name__ == "__main__":
    main()
