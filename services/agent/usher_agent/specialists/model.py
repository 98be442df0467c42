"""The allow-lists: every tool is everybody's, but for those that charge, move or refund; these have one owner each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from usher_agent.boxoffice.model import InvalidCall
from usher_shared.contracts.handover import HAND_OVER, OWNERS, SPECIALISTS, SpecialistName

FRONT_DESK: Final[SpecialistName] = "purchase"  # who answers while nothing tells what is wanted

Schemas = list[dict[str, Any]]


def may_call(specialist: SpecialistName, tool: str) -> bool:
    """Whether that tool is on the specialist's allow-list."""
    return OWNERS.get(tool, specialist) == specialist


def allow_lists(offered: Iterable[dict[str, Any]]) -> Mapping[SpecialistName, Schemas]:
    """What each specialist is offered of these `tools` entries. Built once per process, so that it can be cached."""
    schemas = list(offered)
    return {
        specialist: [schema for schema in schemas if may_call(specialist, schema["function"]["name"])]
        for specialist in SPECIALISTS
    }


class NotMine(InvalidCall):
    """A call outside the specialist's allow-list."""


def check_allowed(specialist: SpecialistName, tool: str) -> None:
    """Raises NotMine (`not_my_tool`) for a call outside the allow-list; it says who has the tool."""
    owner = OWNERS.get(tool, specialist)
    if owner != specialist:
        # told as a fact: what is written as an order is taken out of tool messages
        detail = f"{tool} is not among the tools of {specialist}; {owner} has it, and {HAND_OVER} leads to {owner}"
        raise NotMine("not_my_tool", detail)
