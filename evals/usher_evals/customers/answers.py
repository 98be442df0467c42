"""Which fact a question of the agent gets, as a key of the phrases; what the customer keeps no count of."""

from __future__ import annotations

from collections.abc import Set

from usher_evals.customers.reading import Ask
from usher_evals.tasks.goals import Buy, Exchange, Goal, Upgrade

_SEATS = {"named": "tell.section", "cheapest": "tell.cheapest", "best": "tell.best", "any": "tell.any_section"}


def for_purchase(goal: Buy, ask: Ask, told: Set[str]) -> str:
    """What a buyer answers; `told` are the keys that it has said. A plain "shall I?" gets what is untold first."""
    match ask:
        case Ask.CITY:
            return "tell.city"
        case Ask.DATE:
            return "tell.date"
        case Ask.QUANTITY:
            return "tell.quantity"
        case Ask.SECTION:
            return _SEATS[goal.pick]
        case Ask.LIMIT:
            return "tell.limit" if goal.limit else "tell.any_limit"
        case _:
            return _untold(goal, told) or "yes.offer"


def _untold(goal: Buy, told: Set[str]) -> str | None:
    """What has to be said before seats are taken."""
    known = {*goal.opens_with, *told}
    if "quantity" not in known and "tell.quantity" not in known:
        return "tell.quantity"
    if goal.pick != "any" and "seats" not in known and _SEATS[goal.pick] not in known:
        return _SEATS[goal.pick]
    if goal.limit is not None and "limit" not in known and "tell.limit" not in known:
        return "tell.limit"
    return None


def for_change(goal: Goal, ask: Ask) -> str | None:
    """What the owner of an order answers; None: the wish is said again."""
    match ask:
        case Ask.EVENT | Ask.WHICH | Ask.CITY | Ask.DATE:
            return "tell.event"
        case Ask.QUANTITY:
            return "tell.quantity" if isinstance(goal, Exchange) else None
        case Ask.LIMIT:
            if isinstance(goal, Upgrade) and goal.section:
                return "tell.section"
            limited = isinstance(goal, Upgrade) and goal.most is not None
            return "tell.delta" if limited else "tell.any_limit"
        case Ask.SECTION:
            if isinstance(goal, (Upgrade, Exchange)) and goal.section:
                return "tell.section"
            return "tell.best" if isinstance(goal, Upgrade) else "tell.all"
        case _:
            return "yes.change"
