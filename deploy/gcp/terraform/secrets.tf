# Places for secrets. Values are added by an operator (gcloud secrets versions add) and never pass through this state,
# except where another resource here makes the value.

resource "google_secret_manager_secret" "service" {
  for_each = local.secrets

  secret_id = "usher-${each.key}"

  replication {
    user_managed {
      replicas {
        location = var.region
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_iam_member" "service" {
  for_each = local.secrets

  secret_id = google_secret_manager_secret.service[each.key].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.service[each.value.service].member
}
