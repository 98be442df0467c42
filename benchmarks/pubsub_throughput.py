"""Events through Pub/Sub's official emulator: published, pushed over HTTP, each handled once.

    python benchmarks/pubsub_throughput.py [--events 100000] [--keys 2000]

Three figures, all in one run on one emulator:

- publishing, ours against Google's batching `PublisherClient` with ordering keys and its default settings, the same
  events, all handed over at once, into topics that nobody subscribes to;
- the whole way, publish (in pages of a thousand) to handled: the house's push endpoint (token, filter, trace) in a
  process of its own, whose effect is guarded by the set of processed ids. Every hundredth event fails once after its
  effect, so that it is delivered again; what the emulator repeats beyond that is counted too;
- the way to the bare handler: the same with a handler that answers 204 and does nothing else, a tenth of the events.

The emulator is that of PUBSUB_EMULATOR_HOST, else one is started from the installed Google Cloud CLI.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from usher_compose.push_secret import accept_push_secret, push_endpoint
from usher_shared.bus.pubsub import PubSubEventBus
from usher_shared.bus.pubsub_topology import ensure_topology
from usher_shared.events import Event, load_topics
from usher_shared.events.topics import Topology

SECRET = "a-secret-of-the-benchmark-that-is-long-enough"  # noqa: S105  guards a throw-away server on the loopback
HOST = "127.0.0.1"
PAGE = 1000
TOPICS = tuple(topic.name for topic in load_topics().topics)


def make_events(count: int, keys: int) -> list[Event]:
    """Over all topics; a key's events are spread over the whole."""
    now = datetime.now(UTC)
    text = {"detail": "x" * 300}
    return [
        Event(
            id=f"EVT_{n:09d}",
            source="usher/tools",
            type=f"usher.{TOPICS[n % keys % len(TOPICS)]}.v1",
            time=now,
            data=text,
            orderingkey=f"ORD_{n % keys}",
        )
        for n in range(count)
    ]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def child(command: Sequence[str], port: int) -> Iterator[None]:
    """From when it listens to the end of the block."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            deadline = time.monotonic() + 60
            while True:
                with socket.socket() as probe:
                    if probe.connect_ex((HOST, port)) == 0:
                        break
                assert process.poll() is None, f"{command[0]} did not start"
                assert time.monotonic() < deadline, f"{command[0]} does not listen"
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def emulator() -> Iterator[str]:
    given = os.environ.get("PUBSUB_EMULATOR_HOST")
    if given:
        yield given
        return
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        raise SystemExit("set PUBSUB_EMULATOR_HOST or install the Google Cloud CLI with its Pub/Sub emulator")
    shown = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, check=True
    )
    (jar,) = Path(shown.stdout.strip()).glob("platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar")
    port = free_port()
    with child(["java", "-Xmx2g", "-jar", str(jar), f"--host={HOST}", f"--port={port}"], port):
        yield f"{HOST}:{port}"


def serve(kind: str, port: int) -> None:
    """The subscriber: `house`, with push router and processed set, or `bare`. Tells its counts at /counts."""
    import uvicorn
    from fastapi import FastAPI, Response
    from starlette.types import Receive, Scope, Send

    from usher_shared.http.app import create_service_app, push_router
    from usher_shared.http.tokens import LocalTokenVerifier

    processed: set[str] = set()
    counts: Counter[str] = Counter()
    last_of_key: dict[str, str] = {}

    async def handle(event: Event) -> None:
        counts["deliveries"] += 1
        if event.id in processed:
            counts["repeated"] += 1
            return
        processed.add(event.id)
        counts["effects"] += 1
        key = event.orderingkey or ""
        counts["out of order"] += event.id < last_of_key.get(key, "")
        last_of_key[key] = event.id
        if int(event.id[4:]) % 100 == 0:
            raise RuntimeError("after its effect: it has to come again and must not act again")

    def house() -> FastAPI:
        app = create_service_app(
            "logger",
            version="1",
            routers=[push_router(handle)],
            lifespan=None,  # type: ignore[arg-type]  # FastAPI's default
            verifier=LocalTokenVerifier(SECRET),
            checks={},
        )
        accept_push_secret(app, "logger", SECRET)
        return app

    app = house() if kind == "house" else FastAPI()

    @app.get("/counts")
    async def tell() -> dict[str, int]:
        return dict(counts)

    async def root(scope: Scope, receive: Receive, send: Send) -> None:
        if kind == "bare" and scope.get("path") == "/push":
            counts["deliveries"] += 1
            counts["effects"] += 1
            while (await receive()).get("more_body"):
                pass
            await Response(status_code=204)(scope, receive, send)
            return
        await app(scope, receive, send)

    uvicorn.run(root, host=HOST, port=port, log_level="warning", access_log=False)


def topology() -> Topology:
    """The logger's subscriptions of the one data file."""
    whole = load_topics()
    return whole.model_copy(
        update={"subscriptions": tuple(s for s in whole.subscriptions if s.service == "logger")},
    )


async def set_up(host: str, subscribed_at: str | None) -> str:
    """A fresh project with all topics, pushing to `subscribed_at`."""
    project = f"benchmark-{uuid.uuid4().hex[:8]}"
    wanted = topology() if subscribed_at else topology().model_copy(update={"subscriptions": ()})
    await ensure_topology(
        project,
        wanted,
        lambda _, path: push_endpoint(f"{subscribed_at}{path}", SECRET),
        dead_letters=False,
        emulator_host=host,
    )
    return project


async def publish_ours(host: str, project: str, events: Sequence[Event], page: int) -> float:
    """Seconds until all are acknowledged, handed over a page at a time."""
    bus = PubSubEventBus(project, emulator_host=host, publish_seconds=600)
    await bus.ping()
    begun = time.perf_counter()
    for begin in range(0, len(events), page):
        await bus.publish(events[begin : begin + page])
    took = time.perf_counter() - begun
    await bus.close()
    return took


def publish_raw(host: str, project: str, events: Sequence[Event]) -> float:
    """Seconds until Google's publisher resolved every future."""
    os.environ["PUBSUB_EMULATOR_HOST"] = host
    from google.cloud import pubsub_v1

    options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
    client = pubsub_v1.PublisherClient(publisher_options=options)
    client.get_topic(topic=client.topic_path(project, TOPICS[0]))
    begun = time.perf_counter()
    futures = [
        client.publish(
            client.topic_path(project, e.topic), e.to_json(), ordering_key=e.orderingkey or "", **e.attributes()
        )
        for e in events
    ]
    for future in futures:
        future.result()
    took = time.perf_counter() - begun
    client.stop()
    return took


async def consume(
    url: str, wanted: int, publishing: Callable[[], Awaitable[float]]
) -> tuple[float, float, dict[str, int]]:
    """Seconds of publishing, seconds until `wanted` effects, and the subscriber's counts."""
    async with aiohttp.ClientSession() as session:
        begun = time.perf_counter()
        task = asyncio.ensure_future(publishing())
        told = 0
        progress = time.monotonic()
        while True:
            await asyncio.sleep(0.25)
            async with session.get(f"{url}/counts") as response:
                counts = await response.json()
            effects = counts.get("effects", 0)
            if effects >= wanted:
                break
            if effects != told:
                told, progress = effects, time.monotonic()
            assert time.monotonic() - progress < 60, f"nothing came for a minute: {counts}"
        took = time.perf_counter() - begun
        published = await task
        await asyncio.sleep(5)  # for what may still come twice
        async with session.get(f"{url}/counts") as response:
            return published, took, await response.json()


async def whole_way(host: str, kind: str, events: Sequence[Event]) -> float:
    """Events a second."""
    port = free_port()
    url = f"http://{HOST}:{port}"
    with child([sys.executable, __file__, "--serve", kind, str(port)], port):
        project = await set_up(host, url)
        published, took, counts = await consume(url, len(events), lambda: publish_ours(host, project, events, PAGE))
        await set_up_nothing(host, project)
    rate = len(events) / took
    print(
        f"{kind} subscriber: {len(events)} events published in {published:.1f} s, all handled after {took:.1f} s, "
        f"{rate:,.0f}/s; {counts}"
    )
    if kind == "house":
        assert counts["effects"] == len(events), "an event was lost"
        assert counts["repeated"] >= len(events) / 100, "what failed did not come again"
        assert counts["out of order"] == 0
    return rate


async def set_up_nothing(host: str, project: str) -> None:
    """Delete the subscriptions, or the emulator goes on pushing."""
    from google.pubsub_v1.services.subscriber.async_client import SubscriberAsyncClient
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

    from usher_shared.bus.pubsub_channel import open_channel

    async with await open_channel(host) as channel:
        client = SubscriberAsyncClient(transport=SubscriberGrpcAsyncIOTransport(channel=channel))
        for subscription in topology().subscriptions:
            await client.delete_subscription(subscription=f"projects/{project}/subscriptions/{subscription.name}")


async def run(count: int, keys: int) -> None:
    events = make_events(count, keys)
    size = sum(len(e.to_json()) for e in events) / count
    print(f"{count} events of {size:.0f} bytes, {keys} ordering keys, {len(TOPICS)} topics")
    with emulator() as host:
        ours = count / await publish_ours(host, await set_up(host, None), events, count)
        raw = count / await asyncio.to_thread(publish_raw, host, await set_up(host, None), events)
        print(f"publish: ours {ours:,.0f}/s, Google's PublisherClient {raw:,.0f}/s, ratio {ours / raw:.2f}")
        house = await whole_way(host, "house", events)
        bare = await whole_way(host, "bare", events[: max(1, count // 10)])
        print(f"publish to handled: house {house:,.0f}/s, bare handler {bare:,.0f}/s, ratio {house / bare:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=2000)
    parser.add_argument("--serve", nargs=2, metavar=("KIND", "PORT"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve[0], int(given.serve[1]))
        return
    asyncio.run(run(given.events, given.keys))


if __name__ == "__main__":
    main()
