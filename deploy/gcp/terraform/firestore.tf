# One Firestore database per service, with the indexes and time-to-live policies that collections.json declares.
# https://cloud.google.com/firestore/docs/manage-databases

resource "google_firestore_database" "service" {
  for_each = local.databases

  project     = var.project
  name        = "usher-${each.key}"
  location_id = var.region
  type        = "FIRESTORE_NATIVE"

  # transactions read under locks, so that one that has begun ends; the service queues its own before they meet here
  concurrency_mode                  = "PESSIMISTIC"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = var.deletion_protection ? "DELETE_PROTECTION_ENABLED" : "DELETE_PROTECTION_DISABLED"
  deletion_policy                   = var.deletion_protection ? "ABANDON" : "DELETE"

  depends_on = [google_project_service.api]
}

resource "google_firestore_index" "composite" {
  for_each = local.firestore_indexes

  project    = var.project
  database   = google_firestore_database.service[each.value.database].name
  collection = each.value.collection

  dynamic "fields" {
    for_each = each.value.fields

    content {
      field_path = fields.value.path
      order      = fields.value.order
    }
  }
}

# Firestore deletes within about a day of the time; services look at the time themselves
resource "google_firestore_field" "ttl" {
  for_each = local.firestore_ttl

  project    = var.project
  database   = google_firestore_database.service[each.value.database].name
  collection = each.value.collection
  field      = "_ttl"

  ttl_config {}
  index_config {} # nobody asks by it, and an index of ever later times slows writes down
}
