"""All tasks of a split."""

from __future__ import annotations

from functools import cache

from usher_evals.tasks import buying, orders, talking
from usher_evals.tasks.maker import Maker
from usher_evals.tasks.model import Task
from usher_evals.world import Split

_BUILDERS = (
    buying.purchases,
    buying.groups,
    buying.second_thoughts,
    buying.price_changes,
    buying.expiries,
    buying.races,
    buying.failures,
    buying.duplicates,
    orders.refunds,
    orders.denied,
    orders.upgrades,
    orders.exchanges,
    orders.credits,
    orders.identities,
    talking.questions,
    talking.injections,
    talking.nothings,
    talking.several,
    orders.upgrades_during_the_show,
)


@cache
def tasks_of(split: Split) -> tuple[Task, ...]:
    """The tasks of a split: the same every time, with shows of their own."""
    maker = Maker(split)
    for build in _BUILDERS:
        build(maker)
    return tuple(maker.tasks)
