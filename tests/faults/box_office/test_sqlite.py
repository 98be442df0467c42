"""Invariants 1 to 12 of the box office on SQLite, across processes that share the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from faults.box_office.cancelling import CancellingSuite
from faults.box_office.holds import HoldsSuite
from faults.box_office.keys import KeysSuite
from faults.box_office.kills import KillsSuite
from faults.box_office.parties import PartiesSuite
from faults.box_office.paying import PayingSuite
from faults.box_office.places import PlacesSuite
from faults.box_office.rush import RushSuite
from faults.box_office.site import SqliteSite


class _OnSqlite:
    @pytest.fixture
    def site(self, tmp_path: Path) -> SqliteSite:
        return SqliteSite(tmp_path)


class TestRush(_OnSqlite, RushSuite):
    __test__ = True


class TestParties(_OnSqlite, PartiesSuite):
    __test__ = True


class TestPlaces(_OnSqlite, PlacesSuite):
    __test__ = True


class TestHolds(_OnSqlite, HoldsSuite):
    __test__ = True


class TestKills(_OnSqlite, KillsSuite):
    __test__ = True


class TestKeys(_OnSqlite, KeysSuite):
    __test__ = True


class TestPaying(_OnSqlite, PayingSuite):
    __test__ = True


class TestCancelling(_OnSqlite, CancellingSuite):
    __test__ = True
