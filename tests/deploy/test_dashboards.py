"""The dashboard asks for what the service measures, by the labels that it has, and leaves nothing out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from usher_inference.metrics import Metrics

FILE = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "usher-inference.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())
_NAME = re.compile(r"usher_inference_\w+")
_BY = re.compile(r"by \(([^)]*)\)")
_SELECTED = re.compile(r"(usher_inference_\w+)\{([^}]*)\}")


def measured() -> dict[str, frozenset[str]]:
    """Every sample's name with its labels."""
    metrics = Metrics()
    engine, requests = metrics.engine("m", "1"), metrics.requests("m", "1", "stable")
    engine.refused("queue_full")
    engine.queued()
    engine.admitted(0.1, 3)
    engine.stepped(1, 0.1, prefill_tokens=1, decode_tokens=1)
    engine.finished("stop")
    requests.begun()
    requests.first_piece(0.1)
    requests.ended("stop", 0.1, 3, 4)
    metrics.swapped("m", "1", took_seconds=1.0)
    metrics.serving([("m", "1", "stable")])
    return {
        sample.name: frozenset(sample.labels)
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"]


@pytest.mark.parametrize("expression", list(expressions()))
def test_a_query_asks_for_what_there_is(expression: str) -> None:
    samples = measured()
    selected = _SELECTED.findall(expression)
    assert selected
    for name, selectors in selected:
        labels = {part.split("=")[0].strip() for part in re.sub(r'"[^"]*"', '""', selectors).split(",")}
        assert labels <= samples[name], name
    known = frozenset[str]().union(*(samples[name] for name, _ in selected))
    for by in _BY.findall(expression):
        assert {label.strip() for label in by.split(",")} <= known
    assert expression.count("(") == expression.count(")")


def test_nothing_that_is_measured_is_left_out() -> None:
    asked = {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in _NAME.findall("\n".join(expressions()))}
    kept = {re.sub(r"_(bucket|sum|count|total|created)$", "", name) for name in measured()}
    assert asked == kept


def test_every_legend_names_labels_that_its_query_keeps() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            kept = {label.strip() for by in _BY.findall(target["expr"]) for label in by.split(",")}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, panel["title"]


def test_panels_have_their_own_ids_and_places() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below
