"""The agent of the embedded stack."""

from __future__ import annotations

from fastapi import FastAPI

from usher_agent.adapters.chat_models import build_chat_model, build_router_model
from usher_agent.adapters.http_box_office import HttpBoxOffice
from usher_agent.adapters.knowledge_indexes import embedded_index
from usher_agent.app import Deps, create_app
from usher_agent.settings import Settings
from usher_local.seed import HOME_TIME_ZONE
from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.http.client import ServiceClient
from usher_shared.ids import UlidGenerator


def build(stack: Stack) -> FastAPI:
    """Models are those of USHER_AGENT_MODELS or _MODEL_URL, else our own; so is the box office, but for _TOOLS_URL."""
    settings = Settings()
    update: dict[str, object] = {"single_process": True}
    if "home_time_zone" not in settings.model_fields_set:
        update["home_time_zone"] = HOME_TIME_ZONE
    settings = settings.model_copy(update=update)
    tokens = stack.tokens("agent")
    model = build_chat_model(settings, inference_url=stack.url("inference") + "/v1", tokens=tokens)
    tools = ServiceClient(
        "tools", settings.tools_url or stack.url("tools"), tokens, timeout_seconds=settings.tool_timeout_seconds
    )
    clock = SystemClock()
    deps = Deps(
        store=stack.store("agent"),
        bus=stack.bus("agent"),
        model=model,
        each_model=model.ping_each,
        box=HttpBoxOffice(tools),
        verifier=stack.verifier(),
        clock=clock,
        ids=UlidGenerator(),
        knowledge=embedded_index(stack.knowledge, clock, settings),
        router_model=build_router_model(settings, inference_url=stack.url("inference") + "/v1", tokens=tokens),
    )
    return create_app(settings, deps)
