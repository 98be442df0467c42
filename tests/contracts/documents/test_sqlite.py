"""The DocumentStore contract on SQLite, and what a file that several processes share has to add."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.documents.suite import COLLECTIONS, DocumentStoreSuite
from contracts.documents.transactions import Opener, increment
from usher_shared.clock import to_timestamp
from usher_shared.documents import Transaction
from usher_shared.documents.collections import load_collections
from usher_shared.documents.sqlite import SqliteDocumentStore
from usher_shared.errors import Unavailable

TESTS = Path(__file__).parents[2]

# each child announces itself, waits for a line on standard input, then works
_PRELUDE = """
import asyncio, sys
from pathlib import Path
from contracts.documents.suite import COLLECTIONS
from contracts.documents.transactions import increment
from usher_shared.documents.sqlite import SqliteDocumentStore

def opened():
    store = SqliteDocumentStore(Path(sys.argv[1]), COLLECTIONS)
    print("open", flush=True)
    sys.stdin.readline()
    return store
"""


def start(program: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _PRELUDE + textwrap.dedent(program), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def release(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


class TestSqlite(DocumentStoreSuite):
    __test__ = True

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "documents.db"

    @pytest.fixture
    def opener(self, path: Path) -> Opener:
        return lambda: SqliteDocumentStore(path, COLLECTIONS)

    async def test_no_update_is_lost_across_processes(self, path: Path) -> None:
        program = """
            async def main():
                store = opened()
                for _ in range(10):
                    await asyncio.gather(*(increment(store, "c") for _ in range(5)))
                await store.close()
            asyncio.run(main())
        """
        children = [start(program, path) for _ in range(3)]  # all three make the file at once
        for child in children:
            assert line(child) == "open"
        for child in children:
            release(child)
        assert [child.wait() for child in children] == [0, 0, 0]
        store = SqliteDocumentStore(path, COLLECTIONS)
        assert await store.get("counters", "c") == {"value": 150}
        await store.close()

    async def test_a_process_waiting_for_anothers_lock_still_serves_reads(self, path: Path) -> None:
        store = SqliteDocumentStore(path, COLLECTIONS)
        await store.set("counters", "c", {"value": 1})
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(increment(store, "c"))
        for _ in range(5):
            await asyncio.sleep(0)
            assert await store.get("counters", "c") == {"value": 1}
        assert not waiting.done()
        other.execute("COMMIT")
        assert await waiting == 2
        other.close()
        await store.close()

    async def test_what_was_confirmed_outlives_a_kill(self, path: Path) -> None:
        program = """
            async def main():
                store = opened()
                while True:
                    print(await increment(store, "c"), flush=True)
            asyncio.run(main())
        """
        child = start(program, path)
        assert line(child) == "open"
        release(child)
        confirmed = 0
        while confirmed < 20:
            confirmed = int(line(child))
        child.send_signal(signal.SIGKILL)
        assert child.stdout is not None
        rest = child.stdout.read().split()
        confirmed = int(rest[-1]) if rest else confirmed
        child.wait()
        store = SqliteDocumentStore(path, COLLECTIONS)
        document = await store.get("counters", "c")
        assert document is not None
        assert document["value"] in (confirmed, confirmed + 1)  # the last may have been written, not yet told
        await store.close()

    async def test_a_kill_in_the_middle_leaves_whole_transactions(self, path: Path) -> None:
        program = """
            async def main():
                store = opened()
                n = 0
                while True:
                    n += 1
                    async def fn(tx):
                        for id in ("a", "b", "c", "d"):
                            tx.set("counters", id, {"value": n})
                    await store.transaction(fn)
                    print(n, flush=True)
            asyncio.run(main())
        """
        child = start(program, path)
        assert line(child) == "open"
        release(child)
        while int(line(child)) < 10:
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
        store = SqliteDocumentStore(path, COLLECTIONS)
        found = [await store.get("counters", id) for id in ("a", "b", "c", "d")]
        assert all(document == found[0] for document in found)
        await store.close()

    async def test_awaiting_anything_but_the_transaction_is_refused(self, opener: Opener) -> None:
        store = opener()

        async def fn(tx: Transaction) -> None:
            await asyncio.sleep(0)

        with pytest.raises(RuntimeError, match="nothing but its transaction"):
            await store.transaction(fn)
        assert await increment(store, "c") == 1
        await store.close()

    async def test_expired_documents_are_deleted_beside_other_writes(self, path: Path) -> None:
        now = datetime.now(UTC)
        store = SqliteDocumentStore(path, COLLECTIONS)
        await store.set("visits", "past", {"expires_at": to_timestamp(now - timedelta(seconds=1))})
        await store.set("visits", "future", {"expires_at": to_timestamp(now + timedelta(hours=1))})
        await store.close()
        store = SqliteDocumentStore(path, COLLECTIONS, expiry_seconds=0.0)
        await increment(store, "c")
        assert await store.get("visits", "past") is None
        assert await store.get("visits", "future") is not None
        await store.close()

    async def test_a_full_disk_is_unavailable_and_passes(self, path: Path) -> None:
        store = SqliteDocumentStore(path, COLLECTIONS)
        await increment(store, "c")
        pages = store._writer.execute("PRAGMA page_count").fetchone()[0]
        store._writer.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(Unavailable):
            await store.set("items", "big", {"text": "x" * 500_000})
        store._writer.execute("PRAGMA max_page_count = 1000000")
        await store.set("items", "big", {"text": "x" * 500_000})
        assert await increment(store, "c") == 2
        await store.close()

    async def test_every_declared_index_is_one_that_sqlite_uses(self, tmp_path: Path) -> None:
        path = tmp_path / "declared.db"
        await SqliteDocumentStore(path).close()
        connection = sqlite3.connect(path)
        for collection in load_collections().values():
            for index in collection.indexes:
                terms = [f"json_extract(data, '$.{field}') = 'x'" for field in index[:-1]]
                last = f"json_extract(data, '$.{index[-1]}')"
                where = " AND ".join([*terms, f"{last} > 'x'"])
                sql = f'EXPLAIN QUERY PLAN SELECT id FROM "{collection.name}" WHERE {where} ORDER BY {last}, id'  # noqa: S608  declared names
                plan = connection.execute(sql).fetchall()
                detail = " ".join(str(row[-1]) for row in plan)
                assert "USING INDEX" in detail or "USING COVERING INDEX" in detail, (collection.name, index, detail)
                assert "TEMP B-TREE" not in detail, (collection.name, index, detail)
        connection.close()
