"""Invariants 1 to 12 of the box office on Firestore's emulator, which is slow where processes meet: smaller crowds."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from emulators.google import firestore_emulator
from faults.box_office.cancelling import CancellingSuite
from faults.box_office.holds import HoldsSuite
from faults.box_office.keys import KeysSuite
from faults.box_office.kills import KillsSuite
from faults.box_office.parties import PartiesSuite
from faults.box_office.paying import PayingSuite
from faults.box_office.places import PlacesSuite
from faults.box_office.rush import RushSuite
from faults.box_office.site import FirestoreSite
from usher_shared.documents.firestore import FirestoreDocumentStore
from usher_shared.errors import Unavailable


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    with firestore_emulator() as address:
        asyncio.run(_warm_up(address))
        yield address


async def _warm_up(address: str) -> None:
    """Its first answers take longer than a box office waits, where other tests keep the machine busy."""
    store = FirestoreDocumentStore("warm-up", "usher-tools", emulator=address)
    try:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(Unavailable):
                    await store.set("venues", "hall", {"name": "Union Hall"})
                    return
    finally:
        await store.close()


class _OnFirestore:
    @pytest.fixture
    def site(self, tmp_path: Path, emulator: str) -> FirestoreSite:
        return FirestoreSite(tmp_path, project=f"p-{secrets.token_hex(6)}", emulator=emulator)


class TestRush(_OnFirestore, RushSuite):
    __test__ = True


class TestParties(_OnFirestore, PartiesSuite):
    __test__ = True


class TestPlaces(_OnFirestore, PlacesSuite):
    __test__ = True


class TestHolds(_OnFirestore, HoldsSuite):
    __test__ = True


class TestKills(_OnFirestore, KillsSuite):
    __test__ = True


class TestKeys(_OnFirestore, KeysSuite):
    __test__ = True


class TestPaying(_OnFirestore, PayingSuite):
    __test__ = True


class TestCancelling(_OnFirestore, CancellingSuite):
    __test__ = True
