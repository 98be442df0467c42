"""The agent's app."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import orjson
from fastapi import FastAPI

from usher_agent.boxoffice.ports import BoxOffice
from usher_agent.confirmations import endpoints as confirmations
from usher_agent.conversations import endpoints as conversations
from usher_agent.conversations.history import History
from usher_agent.conversations.service import Conversations
from usher_agent.conversations.sweep import Sweep
from usher_agent.handover import endpoints as handover
from usher_agent.handover.tool import hand_over
from usher_agent.knowledge.ports import KnowledgeIndex
from usher_agent.knowledge.tool import search_tool
from usher_agent.memory import endpoints as memory
from usher_agent.memory.budget import divide
from usher_agent.memory.customers import Customers
from usher_agent.memory.preferences import preferences_tool
from usher_agent.models.answers import KeptAnswers
from usher_agent.models.budget import Budget
from usher_agent.models.ports import ChatModel
from usher_agent.proposals import endpoints as proposals
from usher_agent.proposals.service import Proposals
from usher_agent.routing.by_model import ModelRouter
from usher_agent.routing.ports import Router
from usher_agent.routing.words import WordRouter
from usher_agent.settings import Settings
from usher_agent.streams import endpoints as streams
from usher_agent.turns import endpoints as turns
from usher_agent.turns.own_tools import OwnTool, OwnTools, all_offered
from usher_agent.turns.prompt import system_message
from usher_agent.turns.service import Turns
from usher_agent.turns.streaming import TurnStreams
from usher_agent.turns.working import Means
from usher_shared.bus import EventBus
from usher_shared.clock import Clock
from usher_shared.contracts.handover import SPECIALISTS
from usher_shared.documents import DocumentStore
from usher_shared.http.app import Check, create_service_app
from usher_shared.http.tokens import TokenVerifier
from usher_shared.ids import IdGenerator
from usher_shared.outbox import Outbox

VERSION = version("usher-agent")


@dataclass(frozen=True)
class Deps:
    """What the agent works with; closed by the app. `own_tools` are offered beside the box office's.

    `router_model` decides which specialist a message is for; without it the message's words do. `each_model` raises
    while one of the models behind `model` does not answer, which the agent can do without.
    """

    store: DocumentStore
    bus: EventBus
    model: ChatModel
    box: BoxOffice
    verifier: TokenVerifier
    clock: Clock
    ids: IdGenerator
    own_tools: Sequence[OwnTool[Any]] = ()
    knowledge: KnowledgeIndex | None = None
    router_model: ChatModel | None = None
    each_model: Check | None = None


def _own_tools(deps: Deps) -> list[OwnTool[Any]]:
    documents = [search_tool(deps.knowledge, deps.clock)] if deps.knowledge is not None else []
    return [hand_over, *documents, *deps.own_tools]


def _router(settings: Settings, deps: Deps) -> Router:
    words = WordRouter()
    if deps.router_model is None:
        return words
    return ModelRouter(
        deps.router_model,
        words,
        timeout_seconds=settings.router_timeout_seconds,
        least_confidence=settings.router_least_confidence,
    )


def _fixed_characters(own_tools: OwnTools) -> int:
    """What every request to the model begins with: the longest prompt and all tools."""
    now = datetime.now(UTC)
    prompt = max(len(system_message(now, "America/Argentina/Buenos_Aires", name)["content"]) for name in SPECIALISTS)
    return prompt + len(orjson.dumps(all_offered(own_tools)))


def create_app(settings: Settings, deps: Deps) -> FastAPI:
    """The agent as an ASGI app. It starts without reaching the model or the box office."""
    owner = secrets.token_hex(8)
    outbox = Outbox(deps.store, deps.bus)
    customers = Customers(deps.store, deps.clock)
    own_tools = {tool.name: tool for tool in (*_own_tools(deps), preferences_tool(customers))}
    context = divide(settings.context_tokens, settings.model_name, fixed_characters=_fixed_characters(own_tools))
    history = History(deps.store, characters=context.history, summary_characters=context.summary)
    model: ChatModel = deps.model
    if settings.answer_cache_seconds:
        model = KeptAnswers(model, deps.clock, settings.answer_cache_seconds)
    budget = Budget(
        deps.store,
        deps.clock,
        owner=owner,
        conversation_usd=settings.conversation_budget_usd,
        daily_usd=settings.daily_budget_usd,
    )
    means = Means(
        store=deps.store,
        outbox=outbox,
        model=model,
        box=deps.box,
        clock=deps.clock,
        ids=deps.ids,
        history=history,
        settings=settings,
        budget=budget,
        own_tools=own_tools,
        turn_characters=context.turn,
        router=_router(settings, deps),
    )
    turn_service = Turns(means, owner=owner)
    conversation_service = Conversations(
        store=deps.store,
        outbox=outbox,
        box=deps.box,
        clock=deps.clock,
        ids=deps.ids,
        history=history,
        turns=turn_service,
        customers=customers,
        settings=settings,
        owner=owner,
    )
    sweep = Sweep(
        store=deps.store,
        clock=deps.clock,
        turns=turn_service,
        conversations=conversation_service,
        settings=settings,
        owner=owner,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await outbox.start()
        await budget.start()
        await sweep.start()
        yield
        await sweep.stop()
        await turn_service.stop()
        await budget.stop()
        await outbox.stop()
        await deps.model.close()
        if deps.router_model is not None:
            await deps.router_model.close()
        if deps.knowledge is not None:
            await deps.knowledge.close()
        await deps.box.close()
        await deps.bus.close()
        await deps.store.close()

    app = create_service_app(
        "agent",
        version=VERSION,
        routers=[
            turns.router,
            confirmations.router,
            proposals.router,
            conversations.router,
            handover.router,
            streams.router,
            memory.router,
        ],
        lifespan=lifespan,
        verifier=deps.verifier,
        checks={"store": deps.store.ping, "model": deps.model.ping, "tools": deps.box.ping, "bus": deps.bus.ping},
        optional_checks={} if deps.each_model is None else {"each model": deps.each_model},
        summary="The conversation: turns, confirmations, streams",
        max_body_bytes=4 << 20,  # attachments
    )
    app.state.settings = settings
    app.state.store = deps.store
    app.state.turns = turn_service
    app.state.customers = customers
    app.state.streams = TurnStreams(deps.store, turn_service, heartbeat_seconds=settings.heartbeat_seconds)
    app.state.proposals = Proposals(
        store=deps.store,
        box=deps.box,
        clock=deps.clock,
        ids=deps.ids,
        turns=turn_service,
        timeout_seconds=settings.tool_timeout_seconds,
    )
    app.state.conversations = conversation_service
    app.state.sweep = sweep
    return app
