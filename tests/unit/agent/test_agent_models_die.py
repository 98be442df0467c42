"""Models that die, hang and talk nonsense under a whole agent: another one answers, or an honest reply does.

The models are processes, really killed; the last of the order is the playbook of a real inference service.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from served import Served, free_port
from usher_agent.adapters.chat_models import PLAYBOOK, build_chat_model
from usher_agent.models.order import ModelOrder
from usher_agent.models.settings import ModelSettings
from usher_agent.settings import Settings
from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import Deps as InferenceDeps
from usher_inference.app import create_app as create_inference
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.settings import Settings as InferenceSettings
from usher_shared.clock import SystemClock
from usher_shared.errors import Unavailable
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator
from usher_shared.outage import Outage

PROGRAM = Path(__file__).with_name("model_server.py")
SECRET = "s" * 40


@dataclass
class Server:
    """One model's server; `line` waits for what it says it has done."""

    name: str
    port: int
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, str(PROGRAM), str(self.port), self.name, stdout=asyncio.subprocess.PIPE
        )
        assert await self.line() == "ready"

    async def line(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        return (await asyncio.wait_for(self.process.stdout.readline(), 30)).decode().strip()

    async def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()
            self.process = None

    def settings(self, timeout_seconds: float = 20.0) -> ModelSettings:
        url = f"http://127.0.0.1:{self.port}/v1"
        return ModelSettings(kind="openai", url=url, name=self.name, timeout_seconds=timeout_seconds)


@pytest.fixture
async def start_server() -> AsyncIterator[Callable[[str], Any]]:
    servers: list[Server] = []

    async def start(name: str) -> Server:
        server = Server(name, free_port())
        servers.append(server)
        await server.start()
        return server

    yield start
    for server in servers:
        await server.kill()


@pytest.fixture
async def inference() -> AsyncIterator[Served]:
    models = FixedModels((PlaybookEngine("1"),), SystemClock().now())
    deps = InferenceDeps(models, LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator())
    served = Served(lambda: create_inference(InferenceSettings(), deps), free_port())
    await served.start()
    yield served
    await served.stop()


def order(inference: Served, *models: ModelSettings, playbook_last: bool = True) -> ModelOrder:
    settings = Settings(models=list(models), playbook_last=playbook_last)
    tokens = LocalTokenSource("agent", SECRET)
    return build_chat_model(settings, inference_url=inference.url + "/v1", tokens=tokens)


def texts(frames: list[Any]) -> dict[str, str]:
    """The text of each streamed message."""
    found: dict[str, str] = {}
    for _, frame in frames:
        if frame["type"] == "TEXT_MESSAGE_CONTENT":
            found[frame["messageId"]] = found.get(frame["messageId"], "") + frame["delta"]
    return found


async def test_a_model_that_nobody_serves_is_named_though_another_answers(inference: Served) -> None:
    models = order(inference, ModelSettings(kind="usher", name="my/qwenn"))
    await models.ping()  # the playbook answers
    with pytest.raises(Unavailable, match="my/qwenn: the inference service serves no model my/qwenn"):
        await models.ping_each()
    await models.close()
    well = order(inference, ModelSettings(kind="usher", name=PLAYBOOK))
    await well.ping_each()
    await well.close()


async def test_a_killed_model_is_answered_for_and_comes_back(
    make_world: Any, start_server: Any, inference: Served
) -> None:
    first, second = await start_server("first"), await start_server("second")
    models = order(inference, first.settings(), second.settings())
    seconds = [0.0]
    for candidate in models._candidates:
        candidate.outage = Outage("lost", "back", 10.0, failures=3, now=lambda: seconds[0])
    world = await make_world(models)
    assert (await world.customer.say("hello"))["reply"] == "first here."
    await first.kill()
    for number in range(4):
        body = await world.customer.say("hello", f"c{number + 2}")
        assert body["reply"] == "second here."
        assert body["model"]["name"] == "second"
    await second.kill()
    body = await world.customer.say("hello", "c8")
    assert body["model"]["name"] == PLAYBOOK
    assert body["reply"]
    assert body["usage"]["cost_usd"] == 0.0
    await first.start()
    assert (await world.customer.say("hello", "c9"))["model"]["name"] == PLAYBOOK  # the breaker is open
    seconds[0] = 10.5
    assert (await world.customer.say("hello", "c10"))["reply"] == "first here."
    over = [event.data["models_passed_over"] for event in await world.events("chat_turn_completed")]
    assert over == [[], *[["first"]] * 4, ["first", "second"], ["first", "second"], []]
    assert world.box.charged_minor == 0


async def test_a_model_killed_in_mid_sentence_is_not_mixed_with_another(
    make_world: Any, start_server: Any, inference: Served
) -> None:
    first, second = await start_server("first"), await start_server("second")
    world = await make_world(order(inference, first.settings(), second.settings()))
    async with world.customer.stream("slowly please") as response:
        reading = asyncio.create_task(world.read_frames(response))
        assert await first.line() == "half"
        await first.kill()
        assert await second.line() == "half"
        await second.kill()
        frames = await asyncio.wait_for(reading, 20)
    said = texts(frames)
    withdrawn = [f["value"]["message_id"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "withdrawn"]
    assert len(withdrawn) == 2  # each had been heard
    for text in said.values():
        assert sum(name in text for name in ("first says", "second says")) <= 1
    assert all(name in withdrawn for name, text in said.items() if "says" in text)
    (turn,) = [f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "turn"]
    assert turn["model"]["name"] == PLAYBOOK
    assert "says" not in turn["reply"]
    assert turn["message_id"] not in withdrawn
    assert turn["reply"] in said[turn["message_id"]]
    _, view = await world.customer.request("GET", "/conversations/c1")
    assert "says" not in str(view)


async def test_a_silent_model_and_one_that_talks_nonsense_are_answered_for(
    make_world: Any, start_server: Any, inference: Served
) -> None:
    first, second = await start_server("first"), await start_server("second")
    world = await make_world(order(inference, first.settings(0.2), second.settings()))
    body = await world.customer.say("silence, then nonsense")
    assert body["model"]["name"] == PLAYBOOK
    (event,) = await world.events("chat_turn_completed")
    assert event.data["models_passed_over"] == ["first", "second"]
    assert event.data["status"] == "ok"


@pytest.mark.parametrize("streaming", [False, True])
async def test_with_nobody_left_the_reply_is_honest_and_nothing_is_charged(
    make_world: Any, start_server: Any, inference: Served, streaming: bool
) -> None:
    only = await start_server("only")
    world = await make_world(order(inference, only.settings(), playbook_last=False))
    if streaming:
        async with world.customer.stream("slowly: buy 2 tickets") as response:
            reading = asyncio.create_task(world.read_frames(response))
            assert await only.line() == "half"
            await only.kill()
            frames = await asyncio.wait_for(reading, 20)
        (body,) = [f["value"] for _, f in frames if f["type"] == "CUSTOM" and f["name"] == "turn"]
        said = texts(frames)
        assert "says" not in said[body["message_id"]]
    else:
        await only.kill()
        body = await world.customer.say("buy 2 tickets")
    assert "sorry" in body["reply"]
    assert "Nothing was charged" in body["reply"]
    assert "again" in body["reply"]
    (event,) = await world.events("chat_turn_completed")
    assert event.data["status"] == "failed"
    assert event.data["models_passed_over"] == ["only"]
    (problem,) = await world.events("error_occurred")
    assert problem.data["code"] == event.data["error_code"] == ("model_failed" if streaming else "model_unavailable")
    assert world.box.charged_minor == 0
    assert world.box.orders == {}
    await only.start()
    assert (await world.customer.say("and now?"))["reply"] == "only here."
