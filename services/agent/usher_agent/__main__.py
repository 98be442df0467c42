"""The agent on Google Cloud: `python -m usher_agent`."""

from __future__ import annotations

from fastapi import FastAPI

from usher_agent.adapters.http_box_office import HttpBoxOffice
from usher_agent.adapters.openai_chat_model import OpenAIChatModel
from usher_agent.app import Deps, create_app
from usher_agent.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.cloud import Cloud, main
from usher_shared.http.client import ServiceClient
from usher_shared.ids import UlidGenerator


def build(cloud: Cloud) -> FastAPI:
    """Model and box office are the project's own unless USHER_AGENT_MODEL_URL or USHER_AGENT_TOOLS_URL is set."""
    settings = Settings()
    key = settings.model_api_key
    model = OpenAIChatModel(
        settings.model_url or cloud.url("inference") + "/v1",
        settings.model_name,
        api_key=key.get_secret_value() if key else None,
        # our own token is for our own inference service; a foreign server gets its key or nothing
        tokens=None if settings.model_url else cloud.tokens,
        temperature=settings.model_temperature,
    )
    tools = ServiceClient(
        "tools", settings.tools_url or cloud.url("tools"), cloud.tokens, timeout_seconds=settings.tool_timeout_seconds
    )
    return create_app(
        settings,
        Deps(
            store=cloud.store("agent"),
            bus=cloud.bus(),
            model=model,
            box=HttpBoxOffice(tools),
            verifier=cloud.verifier,
            clock=SystemClock(),
            ids=UlidGenerator(),
        ),
    )


if __name__ == "__main__":
    main("agent", build)
