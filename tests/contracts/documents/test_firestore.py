"""The DocumentStore contract on Firestore, against the official emulator."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from contracts.documents.suite import COLLECTIONS, DocumentStoreSuite
from contracts.documents.transactions import Opener
from emulators.google import firestore_emulator
from usher_shared.documents.firestore import FirestoreDocumentStore


@pytest.fixture(scope="session")
def emulator() -> Iterator[str]:
    with firestore_emulator() as address:
        yield address


@pytest.fixture
def project() -> str:
    return f"p-{secrets.token_hex(6)}"


class TestFirestore(DocumentStoreSuite):
    __test__ = True

    @pytest.fixture
    def opener(self, emulator: str, project: str) -> Opener:
        return lambda: FirestoreDocumentStore(project, "usher-test", COLLECTIONS, emulator=emulator)
