"""The agent of the embedded stack."""

from __future__ import annotations

from fastapi import FastAPI

from usher_agent.adapters.http_box_office import HttpBoxOffice
from usher_agent.adapters.openai_chat_model import OpenAIChatModel
from usher_agent.app import Deps, create_app
from usher_agent.settings import Settings
from usher_local.seed import HOME_TIME_ZONE
from usher_local.stack import Stack
from usher_shared.clock import SystemClock
from usher_shared.http.client import ServiceClient
from usher_shared.ids import UlidGenerator


def build(stack: Stack) -> FastAPI:
    """Model and box office are the stack's own unless USHER_AGENT_MODEL_URL or USHER_AGENT_TOOLS_URL say otherwise."""
    settings = Settings()
    update: dict[str, object] = {"single_process": True}
    if "home_time_zone" not in settings.model_fields_set:
        update["home_time_zone"] = HOME_TIME_ZONE
    settings = settings.model_copy(update=update)
    tokens = stack.tokens("agent")
    key = settings.model_api_key
    model = OpenAIChatModel(
        settings.model_url or stack.url("inference") + "/v1",
        settings.model_name,
        api_key=key.get_secret_value() if key else None,
        # our own token is for our own inference service; a foreign server gets its key or nothing
        tokens=None if settings.model_url else tokens,
        temperature=settings.model_temperature,
    )
    tools = ServiceClient(
        "tools", settings.tools_url or stack.url("tools"), tokens, timeout_seconds=settings.tool_timeout_seconds
    )
    deps = Deps(
        store=stack.store("agent"),
        bus=stack.bus("agent"),
        model=model,
        box=HttpBoxOffice(tools),
        verifier=stack.verifier(),
        clock=SystemClock(),
        ids=UlidGenerator(),
    )
    return create_app(settings, deps)
