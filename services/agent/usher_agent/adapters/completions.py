"""What a model's server answered, as the agent's completion."""

from __future__ import annotations

from usher_agent.models.ports import Completion
from usher_shared.model_servers.openai_wire import Gathered


def completion_of(
    gathered: Gathered, default_model: str, *, version: str | None = None, variant: str = ""
) -> Completion:
    """Raises Refused (withheld for safety) and UpstreamFailed (an answer without text or call)."""
    text = gathered.whole_text()
    model = gathered.model or default_model
    return Completion(
        text=text,
        tool_calls=gathered.calls,
        prompt_tokens=gathered.prompt_tokens,
        completion_tokens=gathered.completion_tokens,
        cached_tokens=gathered.cached_tokens,
        model=model,
        version=version or gathered.fingerprint.removeprefix(f"{model}-"),
        variant=variant,
    )
