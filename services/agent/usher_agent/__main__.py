"""The agent on Google Cloud: `python -m usher_agent`."""

from __future__ import annotations

from fastapi import FastAPI

from usher_agent.adapters.chat_models import build_chat_model, build_router_model
from usher_agent.adapters.http_box_office import HttpBoxOffice
from usher_agent.adapters.knowledge_indexes import vector_search_index
from usher_agent.app import Deps, create_app
from usher_agent.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.http.client import ServiceClient
from usher_shared.ids import UlidGenerator


def build(cloud: Cloud) -> FastAPI:
    """Models are those of USHER_AGENT_MODELS or _MODEL_URL, else our own; so is the box office, but for _TOOLS_URL."""
    settings = Settings()
    model = build_chat_model(settings, inference_url=cloud.url("inference") + "/v1", tokens=cloud.tokens)
    tools = ServiceClient(
        "tools", settings.tools_url or cloud.url("tools"), cloud.tokens, timeout_seconds=settings.tool_timeout_seconds
    )
    store, clock = cloud.store("agent"), SystemClock()
    return create_app(
        settings,
        Deps(
            store=store,
            bus=cloud.bus(),
            model=model,
            each_model=model.ping_each,
            box=HttpBoxOffice(tools),
            verifier=cloud.verifier,
            clock=clock,
            ids=UlidGenerator(),
            knowledge=vector_search_index(store, clock, settings) if settings.knowledge_endpoint else None,
            router_model=build_router_model(
                settings, inference_url=cloud.url("inference") + "/v1", tokens=cloud.tokens
            ),
        ),
    )


if __name__ == "__main__":
    main("agent", build)
