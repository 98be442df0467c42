"""bigquery.tf makes of schema.json and the SQL what the logger makes of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from deploy.configuration import FOLDER, ROOT, resource, terraform
from usher_logger.settings import Settings
from usher_logger.warehouse.schema import load_schema

LAYERS = ("views_over_table", "views_over_events", "views_over_views")


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The file's locals, evaluated by Terraform."""
    root = tmp_path_factory.mktemp("bigquery")
    folder = root / FOLDER.relative_to(ROOT)
    folder.mkdir(parents=True)
    (root / "services").symlink_to(ROOT / "services")
    text = (FOLDER / "bigquery.tf").read_text()
    (folder / "locals.tf").write_text(text[: text.index("\nresource ")])
    shutil.copy(FOLDER / "variables.tf", folder)
    wanted = ", ".join(f"{name} = local.{name}" for name in ("warehouse", "dataset", "warehouse_views", *LAYERS))
    given = ["-var=project=tickets", "-var=region=europe-west1", "-var=release=a", "-var=state_bucket=s"]
    done = terraform("console", *given, cwd=Path(folder), given=f"jsonencode({{ {wanted} }})\n")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(json.loads(done.stdout))
    return found


def test_the_views_are_the_loggers(computed) -> None:
    assert computed["dataset"] == Settings.model_fields["dataset"].default
    assert computed["warehouse_views"] == {
        view.name: {"description": view.description, "query": view.query("`tickets`.usher")}
        for view in load_schema().views
    }


def test_a_view_is_made_after_what_it_reads_from(computed) -> None:
    made = {load_schema().table.name}
    for layer in LAYERS:
        for name, view in computed[layer].items():
            sources = [line.split("usher.")[1] for line in view["query"].splitlines() if line.startswith("FROM ")]
            assert sources, name
            assert set(sources) <= made, (name, sources)
        made |= set(computed[layer])
    assert made == {load_schema().table.name, *computed["warehouse_views"]}


def test_the_table_is_the_data_files(computed) -> None:
    body = resource("google_bigquery_table", "event_log")
    assert body["schema"] == "${jsonencode(local.warehouse.table.columns)}"
    assert body["time_partitioning"][0]["field"] == "${local.warehouse.table.partition_by}"
    assert computed["warehouse"]["table"]["columns"][0].keys() == {"name", "type", "mode", "description"}


def test_the_logger_appends_to_one_table_reads_one_dataset_and_can_drop_nothing() -> None:
    role = resource("google_project_iam_custom_role", "event_appender")
    assert sorted(role["permissions"]) == ["bigquery.tables.get", "bigquery.tables.updateData"]
    assert resource("google_bigquery_table_iam_member", "logger_appends")["member"].endswith('["logger"].member}')
    assert resource("google_bigquery_dataset_iam_member", "logger_reads")["role"] == "roles/bigquery.dataViewer"
