"""The suite of tasks: its size, its disjoint halves, and that it is the same every time."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime

import pytest

from usher_evals.customers.customer import Customer
from usher_evals.customers.phrasing import Phrasing, grammar
from usher_evals.customers.words import Knowledge
from usher_evals.tasks.goals import Buy
from usher_evals.tasks.model import Family, Task
from usher_evals.tasks.suite import tasks_of
from usher_evals.world import SPLITS, Split, catalogue, venues
from usher_tools.catalogue.model import Catalogue

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def knowledge(task: Task) -> Knowledge:
    ids = tuple(f"ORD_{number:026}" for number in range(len(task.priors)))
    return Knowledge(NOW, ids, "cus_stranger", ids[0] if ids else "")


@pytest.mark.parametrize("split", SPLITS)
def test_every_family_has_tasks_and_there_are_more_than_two_hundred(split: Split) -> None:
    tasks = tasks_of(split)
    assert len(tasks) >= 200
    assert len({task.id for task in tasks}) == len(tasks)
    assert set(Counter(task.family for task in tasks)) == set(Family)
    assert all(task.ends for task in tasks)


@pytest.mark.parametrize("split", SPLITS)
def test_each_task_has_shows_of_its_own(split: Split) -> None:
    of_shows = Counter(show.id for task in tasks_of(split) for show in task.shows)
    assert set(of_shows.values()) == {1}
    catalogue_of_all = catalogue([show for task in tasks_of(split) for show in task.shows], NOW)
    assert len(Catalogue.model_validate(catalogue_of_all).events) == len(of_shows)


def test_the_splits_share_no_name() -> None:
    def names(split: Split) -> set[str]:
        found = {show.name for task in tasks_of(split) for show in task.shows}
        for venue in venues(split):
            found |= {venue.name, venue.city, *(section.name for section in venue.sections)}
        return {name.lower() for name in found}

    assert names("tune").isdisjoint(names("test"))


def test_the_splits_share_no_phrase() -> None:
    def phrases(split: Split) -> set[str]:
        # what holds only slots and rules has no words to share
        templates = {template.strip().lower() for rule in grammar(split).values() for template in rule}
        return {text for text in templates if re.search(r"[a-z]", re.sub(r"[{<][^}>]*[}>]", "", text))}

    assert phrases("tune").isdisjoint(phrases("test"))
    assert grammar("tune").keys() == grammar("test").keys()


@pytest.mark.parametrize("split", SPLITS)
def test_every_customer_can_begin(split: Split) -> None:
    for task in tasks_of(split):
        for trial in range(3):
            text = Customer(task, Phrasing(split, f"{task.id}/{trial}"), knowledge(task)).start()
            assert text.strip(), task.id
            assert not re.search(r"[{}<>\[\]]", text.replace("[system]", "")), text


def test_the_same_seed_says_the_same_and_another_says_something_else() -> None:
    def openings(seed: int) -> list[str]:
        return [
            Customer(task, Phrasing("test", f"{seed}/{task.id}"), knowledge(task)).start() for task in tasks_of("test")
        ]

    assert openings(1) == openings(1)
    assert openings(1) != openings(2)


def test_what_a_purchase_may_cost_follows_from_the_catalogue() -> None:
    for task in tasks_of("tune"):
        for goal in task.goals:
            if isinstance(goal, Buy) and goal.pick == "cheapest" and goal.sections():
                prices = {goal.show.ticket_minor(section.id) for section in goal.show.venue.sections}
                assert goal.totals() == {goal.quantity * min(prices)}
