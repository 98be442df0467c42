"""Makes the dataset, its table and its views, or brings their descriptions and queries up to date.

An operator's step, not the service's: `python -m usher_logger.adapters.bigquery_schema --project … --location …`
(Terraform makes the same: deploy/gcp/terraform/bigquery.tf). It needs roles/bigquery.dataEditor or more.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

from google.api_core.exceptions import Conflict
from google.cloud import bigquery

from usher_logger.adapters.bigquery_connection import BigQueryConnection, Emulator
from usher_logger.warehouse.schema import Column, Table, View, load_schema


class IncompatibleTable(Exception):
    """The table that is there is partitioned or clustered otherwise, or has other columns: it must be copied over."""


def ensure_schema(connection: BigQueryConnection, dataset: str, *, location: str | None = None) -> None:
    """Make what is missing; harmless when all is there. Blocks, up to 10 minutes where BigQuery does not answer.

    `location` is where the data lives (`EU`, `europe-west1`); BigQuery's default is the US. Raises IncompatibleTable,
    google.api_core's and google.auth's errors.
    """
    schema = load_schema()
    with connection.open_client() as client:
        made = bigquery.Dataset(f"{connection.project}.{dataset}")
        made.description = schema.description
        if location is not None:
            made.location = location
        client.create_dataset(made, exists_ok=True)
        _ensure_table(client, f"{connection.project}.{dataset}", schema.table)
        for view in schema.views:
            client.query(_view_definition(view, f"`{connection.project}`.{dataset}"), location=location).result()


def _ensure_table(client: bigquery.Client, dataset: str, table: Table) -> None:
    wanted = bigquery.Table(f"{dataset}.{table.name}", schema=[_field(column) for column in table.columns])
    wanted.description = table.description
    wanted.time_partitioning = bigquery.TimePartitioning(bigquery.TimePartitioningType.DAY, field=table.partition_by)
    wanted.clustering_fields = list(table.cluster_by)
    try:
        client.create_table(wanted)
    except Conflict:
        found = client.get_table(wanted)
    else:
        return
    shape = [
        [(field.name, field.field_type, field.mode) for field in one.schema]
        + [one.time_partitioning and (one.time_partitioning.field, one.time_partitioning.type_), one.clustering_fields]
        for one in (found, wanted)
    ]
    if shape[0] != shape[1]:
        raise IncompatibleTable(f"{dataset}.{table.name} is {shape[0]}, not {shape[1]}")
    if (found.description, found.schema) != (wanted.description, wanted.schema):
        found.description, found.schema = wanted.description, wanted.schema
        client.update_table(found, ["description", "schema"])


def _field(column: Column) -> bigquery.SchemaField:
    return bigquery.SchemaField(column.name, column.type, mode=column.mode, description=column.description)


def _view_definition(view: View, dataset: str) -> str:
    """https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language#create_view_statement"""
    columns = ",\n  ".join(f"{column.name} {_description(column.description)}" for column in view.columns)
    return (
        f"CREATE OR REPLACE VIEW {dataset}.{view.name} (\n  {columns}\n)\n{_description(view.description)}\nAS\n"
        f"{view.query(dataset)}"
    )


def _description(text: str) -> str:
    return f"OPTIONS(description={json.dumps(text, ensure_ascii=False)})"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make the warehouse's dataset, table and views.")
    parser.add_argument("--project", required=True)
    parser.add_argument("--dataset", default="usher")
    parser.add_argument("--location", help="where the data lives, such as EU or europe-west1")
    parser.add_argument("--emulator", metavar="URL", help="an emulator's REST address instead of Google's")
    chosen = parser.parse_args(arguments)
    emulator = Emulator(rest=chosen.emulator, grpc="") if chosen.emulator else None
    ensure_schema(BigQueryConnection(chosen.project, emulator), chosen.dataset, location=chosen.location)


if __name__ == "__main__":
    main()
