# The warehouse: dataset, table and views from the logger's own data file and SQL.
# `python -m usher_logger.adapters.bigquery_schema` makes the same without Terraform.

locals {
  warehouse_files = "${path.module}/../../../services/logger/usher_logger/warehouse"
  warehouse       = jsondecode(file("${local.warehouse_files}/schema.json"))
  dataset         = "usher" # USHER_LOGGER_DATASET's default
  warehouse_views = {
    for view in local.warehouse.views : view.name => {
      description = view.description
      query       = templatefile("${local.warehouse_files}/sql/view_${view.name}.sql", { dataset = "`${var.project}`.${local.dataset}" })
    }
  }
  # a view is made after what it reads from: events from the table, most from events, the rest from those
  views_over_table  = { for name, view in local.warehouse_views : name => view if strcontains(view.query, "${local.dataset}.${local.warehouse.table.name}\n") }
  views_over_events = { for name, view in local.warehouse_views : name => view if strcontains(view.query, "${local.dataset}.events\n") }
  views_over_views = {
    for name, view in local.warehouse_views : name => view
    if !contains(keys(merge(local.views_over_table, local.views_over_events)), name)
  }
}

resource "google_bigquery_dataset" "warehouse" {
  dataset_id                 = local.dataset
  description                = local.warehouse.description
  location                   = var.region
  delete_contents_on_destroy = !var.deletion_protection

  depends_on = [google_project_service.api]
}

resource "google_bigquery_table" "event_log" {
  dataset_id          = google_bigquery_dataset.warehouse.dataset_id
  table_id            = local.warehouse.table.name
  description         = local.warehouse.table.description
  schema              = jsonencode(local.warehouse.table.columns)
  clustering          = local.warehouse.table.cluster_by
  deletion_protection = var.deletion_protection

  time_partitioning {
    type  = "DAY"
    field = local.warehouse.table.partition_by
  }
}

# BigQuery takes no columns with a new view, so their descriptions are not here

resource "google_bigquery_table" "view_over_table" {
  for_each = local.views_over_table

  dataset_id          = google_bigquery_dataset.warehouse.dataset_id
  table_id            = each.key
  description         = each.value.description
  deletion_protection = false

  view {
    query          = each.value.query
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.event_log]
}

resource "google_bigquery_table" "view_over_events" {
  for_each = local.views_over_events

  dataset_id          = google_bigquery_dataset.warehouse.dataset_id
  table_id            = each.key
  description         = each.value.description
  deletion_protection = false

  view {
    query          = each.value.query
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.view_over_table]
}

resource "google_bigquery_table" "view_over_views" {
  for_each = local.views_over_views

  dataset_id          = google_bigquery_dataset.warehouse.dataset_id
  table_id            = each.key
  description         = each.value.description
  deletion_protection = false

  view {
    query          = each.value.query
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.view_over_events]
}

# the logger reads the dataset, appends to the one table and runs queries; it can drop nothing

resource "google_project_iam_custom_role" "event_appender" {
  role_id     = "usherEventAppender"
  title       = "Usher event appender"
  description = "Rows into a BigQuery table by the Storage Write API."
  permissions = ["bigquery.tables.get", "bigquery.tables.updateData"] # https://cloud.google.com/bigquery/docs/write-api#required_permissions
}

resource "google_bigquery_table_iam_member" "logger_appends" {
  dataset_id = google_bigquery_dataset.warehouse.dataset_id
  table_id   = google_bigquery_table.event_log.table_id
  role       = google_project_iam_custom_role.event_appender.id
  member     = google_service_account.service["logger"].member
}

resource "google_bigquery_dataset_iam_member" "logger_reads" {
  dataset_id = google_bigquery_dataset.warehouse.dataset_id
  role       = "roles/bigquery.dataViewer"
  member     = google_service_account.service["logger"].member
}

resource "google_project_iam_member" "logger_queries" {
  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.service["logger"].member
}
