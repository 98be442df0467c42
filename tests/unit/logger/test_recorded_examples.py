from __future__ import annotations

from importlib.resources import files

from usher_shared.events import CATALOGUE


async def test_every_recorded_example_becomes_a_row_that_every_table_can_show(client, push) -> None:
    examples = [
        example.read_bytes()
        for folder in files("usher_shared.events").joinpath("examples").iterdir()
        if folder.is_dir()
        for example in folder.iterdir()
        if example.name.endswith(".json")
    ]
    answers = await push(*examples)
    assert {a.status_code for a in answers} == {204}
    rows = {
        table: (await client.get(f"/rows/{table}", params={"limit": 1000})).json()["rows"]
        for table in ("events", "orders", "conversations", "turns", "errors")
    }
    assert {row["type"] for row in rows["events"]} == set(CATALOGUE)
    assert all(rows.values())
    assert all(row["currency"] and row["revenue_minor"] is not None for row in rows["orders"])
    assert all(row["ended_at"] >= row["started_at"] for row in rows["conversations"])
    assert (await client.get("/stats", params={"days": 366})).status_code == 200
