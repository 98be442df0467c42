"""The models that the settings name, in their order, as one ChatModel. For composition roots."""

from __future__ import annotations

import os
from collections.abc import Mapping

from usher_agent.adapters.gemini_chat_model import GeminiChatModel
from usher_agent.adapters.openai_chat_model import OpenAIChatModel
from usher_agent.adapters.vertex_chat_model import VertexChatModel
from usher_agent.models.order import Candidate, ModelOrder
from usher_agent.models.ports import ChatModel
from usher_agent.models.prices import Price
from usher_agent.models.settings import ModelSettings
from usher_agent.settings import Settings
from usher_shared.http.tokens import TokenSource
from usher_shared.model_servers.google_access import GoogleAccess

PLAYBOOK = "usher-playbook"


def build_chat_model(
    settings: Settings, *, inference_url: str, tokens: TokenSource, environment: Mapping[str, str] = os.environ
) -> ModelOrder:
    """Raises ValueError for settings that contradict each other, UsherError for an extra that is not installed.

    Our own token is shown to our own inference service alone; another server gets its key or nothing.
    """
    wanted = list(settings.models) or [_single(settings)]
    playbook = ModelSettings(kind="usher", name=PLAYBOOK)
    if settings.playbook_last and not any(m.kind == "usher" and m.name == PLAYBOOK and not m.url for m in wanted):
        wanted.append(playbook)
    google = GoogleAccess()
    candidates: list[Candidate] = []
    names: list[str] = []
    for number, model in enumerate(wanted, 1):
        key = _key(model, environment)
        if key is None and not settings.models and number == 1 and settings.model_api_key is not None:
            key = settings.model_api_key.get_secret_value()
        price = _price(settings, model)
        name = model.name if model.name not in names else f"{model.name}#{number}"
        names.append(name)
        adapter = _adapter(model, key, inference_url, tokens, google)
        candidates.append(Candidate(name, adapter, model.timeout_seconds, price))
    return ModelOrder(candidates)


def build_router_model(
    settings: Settings, *, inference_url: str, tokens: TokenSource, environment: Mapping[str, str] = os.environ
) -> ChatModel | None:
    """The model that routes, alone: when it fails, the message's words decide. Raises as `build_chat_model`."""
    model = settings.router_model
    if model is None:
        return None
    adapter = _adapter(model, _key(model, environment), inference_url, tokens, GoogleAccess())
    price = _price(settings, model)
    return ModelOrder([Candidate(model.name, adapter, settings.router_timeout_seconds, price)])


def _single(settings: Settings) -> ModelSettings:
    """The one model of USHER_AGENT_MODEL_*."""
    return ModelSettings(
        kind="openai" if settings.model_url else "usher",
        url=settings.model_url,
        name=settings.model_name,
        timeout_seconds=settings.model_timeout_seconds,
        temperature=settings.model_temperature,
    )


def _price(settings: Settings, model: ModelSettings) -> Price | None:
    price = model.known_price()
    if price is None and (settings.conversation_budget_usd is not None or settings.daily_budget_usd is not None):
        raise ValueError(f"a budget needs the price of {model.name}: give it as `price`")
    return price


def _key(model: ModelSettings, environment: Mapping[str, str]) -> str | None:
    if model.key_env is None:
        return None
    key = environment.get(model.key_env, "").strip()
    if not key:
        raise ValueError(f"{model.name}: the environment variable {model.key_env} holds no key")
    return key


def _adapter(
    model: ModelSettings, key: str | None, inference_url: str, tokens: TokenSource, google: GoogleAccess
) -> ChatModel:
    if model.kind == "gemini":
        return GeminiChatModel(
            model.name,
            api_key=key,
            project=model.project,
            location=model.location,
            base_url=model.url,
            temperature=model.temperature,
        )
    if model.kind == "vertex":
        return VertexChatModel(model.url or "", model.name, google.token, temperature=model.temperature)
    if model.kind == "vertex-openai":
        return OpenAIChatModel(
            model.url or "",
            model.name,
            access_token=google.token,
            temperature=model.temperature,
            keeps_extras=True,
        )
    own = model.kind == "usher"
    return OpenAIChatModel(
        model.url or inference_url,
        model.name,
        api_key=key,
        tokens=tokens if own else None,
        temperature=model.temperature,
    )
