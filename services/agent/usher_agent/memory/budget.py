"""How much of a conversation a model is sent, counted in tokens without a tokenizer.

Tokens are estimated from characters: JSON with ids and prices, which most of a long conversation is, takes more tokens
a character than prose, so the ratios are those of such text, and `_MARGIN` of the window is left for their error. What
has to fit: the system prompt, the tools, a summary, the earlier turns, and what the turn itself brings.
"""

from __future__ import annotations

from dataclasses import dataclass

# characters of mixed prose and JSON a token, by how a model's name begins
_CHARACTERS = (("gemini", 3.2), ("gpt", 3.2), ("o", 3.2), ("qwen", 2.8), ("llama", 3.0), ("mistral", 2.8))
_CAUTIOUS = 2.8
_MARGIN = 0.1
_TURN_SHARE = 0.4
_LARGEST_SUMMARY = 8_000
_LEAST = 2_000


@dataclass(frozen=True, slots=True)
class ContextBudget:
    """Characters: of earlier turns, of the summary of those that no longer fit, of a turn's own tool answers."""

    history: int
    summary: int
    turn: int


def characters_per_token(model_name: str) -> float:
    name = model_name.rsplit("/", 1)[-1].lower()
    return next((ratio for start, ratio in _CHARACTERS if name.startswith(start)), _CAUTIOUS)


def estimate_tokens(characters: int, model_name: str) -> int:
    """Rather too many than too few."""
    return int(characters / characters_per_token(model_name) * (1 + _MARGIN)) + 1


def divide(context_tokens: int, model_name: str, *, fixed_characters: int) -> ContextBudget:
    """The budget of a window of that many tokens; `fixed_characters` are those of system prompt and tools.

    Raises ValueError when they leave no room for a conversation.
    """
    room = int(context_tokens * (1 - _MARGIN) * characters_per_token(model_name)) - fixed_characters
    turn = int(room * _TURN_SHARE)
    summary = min(_LARGEST_SUMMARY, (room - turn) // 3)
    history = room - turn - summary
    if history < _LEAST:
        least = estimate_tokens(fixed_characters + 4 * _LEAST, model_name)
        raise ValueError(f"context_tokens={context_tokens} leaves no room: prompt and tools need about {least} in all")
    return ContextBudget(history, summary, turn)
