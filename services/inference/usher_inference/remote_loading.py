"""Engines in front of models elsewhere, as the settings name them: a part of the roots, as `engine_loading`.

Google's libraries are imported when a model needs them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from usher_inference.adapters.remote_openai_engine import OpenAIEngine
from usher_inference.adapters.remote_vertex_engine import VertexEngine
from usher_inference.completions.ports import RemoteEngine
from usher_inference.remote_settings import RemoteModel
from usher_shared.model_servers.google_access import GoogleAccess


def remote_engines(
    wanted: Sequence[RemoteModel], environment: Mapping[str, str] = os.environ
) -> Sequence[RemoteEngine]:
    """Raises ValueError for two of one id and for a key that is not there, UsherError for a missing extra."""
    ids = [each.model for each in wanted]
    if len(set(ids)) < len(ids):
        raise ValueError("two remote models have the same id")
    google = GoogleAccess()
    return [_engine(each, _key(each, environment), google) for each in wanted]


def _key(model: RemoteModel, environment: Mapping[str, str]) -> str | None:
    if model.key_env is None:
        return None
    key = environment.get(model.key_env, "").strip()
    if not key:
        raise ValueError(f"{model.model}: the environment variable {model.key_env} holds no key")
    return key


def _engine(model: RemoteModel, key: str | None, google: GoogleAccess) -> RemoteEngine:
    if model.kind == "gemini":
        from usher_inference.adapters.remote_gemini_engine import GeminiEngine

        return GeminiEngine(
            model.model,
            model.name,
            api_key=key,
            project=model.project,
            location=model.location,
            base_url=model.url,
            timeout_seconds=model.timeout_seconds,
        )
    url = model.url or ""
    if model.kind == "vertex":
        return VertexEngine(model.model, url, model.name, google.token, timeout_seconds=model.timeout_seconds)
    token = google.token if model.kind == "vertex-openai" else None
    return OpenAIEngine(
        model.model, url, model.name, api_key=key, access_token=token, timeout_seconds=model.timeout_seconds
    )
