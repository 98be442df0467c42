"""Reading and importing catalogues: what is wrong is named by line and path; sold seats are never lost."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from usher_local.seed import seed_catalogue
from usher_tools.adapters.catalogue_files import CatalogueFile, CatalogueInvalid, read_catalogue
from usher_tools.catalogue.model import Catalogue

CATALOGUE = """{
  "venues": [
    {
      "id": "hall", "name": "Hall", "city": "Chicago", "address": "1 Main St",
      "time_zone": "America/Chicago",
      "sections": [
        {"id": "A", "name": "Floor",
         "rows": [{"from": "1", "to": "4", "seats": 10}]}
      ]
    }
  ],
  "events": [
    {
      "id": "e1", "name": "Game", "category": "sports", "venue": "hall",
      "starts_at": "2026-11-20T19:30",
      "currency": "USD",
      "prices": {
        "A": 90.0
      }
    }
  ]
}
"""


def _write(tmp_path: Path, text: str, name: str = "catalogue.json") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_good_file_is_read(tmp_path: Path) -> None:
    catalogue = read_catalogue(_write(tmp_path, CATALOGUE))
    assert catalogue.events[0].prices == {"A": 90.0}
    assert catalogue.venues[0].sections[0].rows[0].row_names() == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"USD"', '"dollars"', (16, "$.events[0].currency", "match pattern")),
        ('"A": 90.0', '"A": -1', (18, "$.events[0].prices.A", "greater than or equal to 0")),
        ('"A": 90.0', '"Z": 90.0', (18, "$.events[0].prices.Z", "has no section Z")),
        ('"A": 90.0', '"A": 90.001', (18, "$.events[0].prices.A", "finer than USD")),
        ('"America/Chicago"', '"Chicago"', (5, "$.venues[0].time_zone", "no IANA time zone")),
        ('"seats": 10', '"seets": 10', (8, "$.venues[0].sections[0].rows[0].seets", "unknown field")),
        ('"seats": 10', '"seats": "ten"', (8, "$.venues[0].sections[0].rows[0].seats", "valid integer")),
        ('"2026-11-20T19:30"', '"2026-11-20T19:30Z"', (15, "$.events[0].starts_at", "without an offset")),
        ('"2026-11-20T19:30"', '"2027-03-14T02:30"', (15, "$.events[0].starts_at", "the clocks skip it")),
        ('"currency": "USD",', '"currency": "USD", "blocked": ["A-9"],', (16, "$.events[0].blocked[0]", "not in the")),
        ('"to": "4"', '"to": "Z"', (8, "$.venues[0].sections[0].rows[0]", "two numbers or two letters")),
        ('"name": "Game", ', "", (13, "$.events[0].name", "required")),
        ('"currency": "USD",', '"currency": "USD", "currency": "EUR",', (16, "$.events[0].currency", "occurs twice")),
        ('"USD",', '"USD"', (17, "$", "not JSON")),
    ],
)
def test_errors_name_line_and_path(tmp_path: Path, old: str, new: str, expected: tuple[int, str, str]) -> None:
    line, path, message = expected
    assert old in CATALOGUE
    with pytest.raises(CatalogueInvalid) as caught:
        read_catalogue(_write(tmp_path, CATALOGUE.replace(old, new)))
    problem = next(p for p in caught.value.problems if p.path == path)
    assert problem.line == line
    assert message in problem.message
    assert f"catalogue.json:{line}: {path}: " in caught.value.detail


def test_yaml_is_read_and_its_errors_have_lines(tmp_path: Path) -> None:
    text = yaml.safe_dump(json.loads(CATALOGUE), sort_keys=False)
    assert read_catalogue(_write(tmp_path, text, "c.yaml")) == read_catalogue(_write(tmp_path, CATALOGUE))
    bad = text.replace("currency: USD", "currency: usd")
    with pytest.raises(CatalogueInvalid) as caught:
        read_catalogue(_write(tmp_path, bad, "c.yml"))
    (problem,) = caught.value.problems
    assert bad.splitlines()[problem.line - 1].strip() == "currency: usd"


def test_yaml_keeps_words_and_times_as_text(tmp_path: Path) -> None:
    path = _write(tmp_path, "events:\n  - id: NO\n    starts_at: 19:30\n    prices: {101: 5}\n", "c.yaml")
    assert CatalogueFile(path).document == {"events": [{"id": "NO", "starts_at": "19:30", "prices": {"101": 5}}]}


def test_yaml_aliases_and_doubled_keys_are_refused(tmp_path: Path) -> None:
    for text, line in (("venues: &x []\nevents: *x\n", 2), ("venues: []\nvenues: []\n", 2), ("venues: [\n", 2)):
        with pytest.raises(CatalogueInvalid) as caught:
            CatalogueFile(_write(tmp_path, text, "c.yaml"))
        assert caught.value.problems[0].line == line


def test_schema_file_is_the_models_and_accepts_the_seed() -> None:
    shipped = json.loads(files("usher_tools.catalogue").joinpath("catalogue.schema.json").read_text("utf-8"))
    derived = json.loads(json.dumps(Catalogue.model_json_schema(by_alias=True)))
    assert {key: value for key, value in shipped.items() if key != "$schema"} == derived
    jsonschema.validate(seed_catalogue(date(2026, 11, 20)), shipped)


def test_seed_is_deterministic_and_varied() -> None:
    seed = seed_catalogue(date(2026, 11, 20))
    assert seed == seed_catalogue(date(2026, 11, 20))
    catalogue = Catalogue.model_validate(seed)
    assert len({venue.time_zone for venue in catalogue.venues}) == 4
    assert len(catalogue.events) == 40
    arena = next(venue for venue in catalogue.venues if venue.id == "lakefront-arena")
    assert sum(len(r.row_names()) * len(r.numbers()) for s in arena.sections for r in s.rows) > 5000


async def test_import_twice_changes_nothing(office: Any) -> None:
    seed = seed_catalogue(date(2026, 11, 20))
    first = (await office.raw("POST", "/catalogue", caller="cli", json=seed)).json()
    again = (await office.raw("POST", "/catalogue", caller="cli", json=seed)).json()
    assert (first["venues"], first["events"], first["unchanged"]) == (4, 40, 0)
    assert (again["events"], again["unchanged"]) == (0, 40)
    found = await office.ok("search_events", {"query": "glass lighthouse", "date": "2026-11-21"}, None)
    assert [event["available"] for event in found["events"]] == [3]
    (sold_out,) = (await office.ok("search_events", {"query": "secret sparrow"}, None))["events"]
    assert (sold_out["available"], sold_out["status"]) == (0, "sold_out")


async def test_only_the_cli_imports(office: Any) -> None:
    for caller, status in (("agent", 403), ("gateway", 403)):
        response = await office.raw("POST", "/catalogue", caller=caller, json={})
        assert response.status_code == status
    assert (await office.http.post("/catalogue", json={})).status_code == 401


async def test_import_keeps_sold_seats_and_refuses_to_lose_them(office: Any, small_catalogue: Any) -> None:
    await office.buy(["A-4-9", "A-4-10"])
    catalogue = small_catalogue()
    catalogue["events"][0]["prices"]["A"] = 130
    response = await office.raw("POST", "/catalogue", caller="cli", json=catalogue)
    assert response.status_code == 200
    assert (await office.free())["A"] == 38
    for change in ("shorter", "blocked", "unpriced", "currency"):
        catalogue = small_catalogue()
        if change == "shorter":
            catalogue["venues"][0]["sections"][0]["rows"][1]["seats"] = 9
        elif change == "blocked":
            catalogue["events"][0]["blocked"] = ["A-4-10"]
        elif change == "unpriced":
            del catalogue["events"][0]["prices"]["A"]
        else:
            catalogue["events"][0]["currency"] = "EUR"
        response = await office.raw("POST", "/catalogue", caller="cli", json=catalogue)
        assert (response.status_code, response.json()["code"]) == (409, "seats_in_use"), change
    assert (await office.free())["A"] == 38


async def test_refusal_by_the_service_maps_to_lines(office: Any, tmp_path: Path) -> None:
    file = CatalogueFile(_write(tmp_path, CATALOGUE.replace('"venue": "hall"', '"venue": "nowhere"')))
    catalogue = file.parse()
    body = catalogue.model_dump(mode="json", by_alias=True)
    response = await office.raw("POST", "/catalogue", caller="cli", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "catalogue_refused")
    (problem,) = file.locate(response.json()["errors"])
    assert (problem.line, problem.path, problem.message) == (14, "$.events[0].venue", "no venue nowhere")


@pytest.mark.parametrize("hour", range(24))
def test_something_is_on_tonight_at_any_hour(hour: int) -> None:
    seed = Catalogue.model_validate(seed_catalogue(date(2026, 11, 20), hour))
    (arena,) = [e for e in seed.events if e.id == "comets-gulls"]
    end = arena.starts_at + timedelta(hours=arena.sales_end_hours_after_start)
    assert arena.starts_at.date() == date(2026, 11, 20)
    assert datetime(2026, 11, 20, hour, 59) < end  # noqa: DTZ001  the catalogue's times are local
