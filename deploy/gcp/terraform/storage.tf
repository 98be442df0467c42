# Artifacts: models and their releases. Trainer-job writes them, inference reads them and writes down which it serves,
# nobody else sees them.

resource "google_storage_bucket" "artifacts" {
  name                        = local.artifacts_bucket
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = !var.deletion_protection

  # a generation that was replaced can be brought back for a month
  versioning {
    enabled = true
  }

  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      with_state                 = "ARCHIVED"
      days_since_noncurrent_time = 30
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_storage_bucket_iam_member" "artifacts_writer" {
  bucket = google_storage_bucket.artifacts.name
  role   = "roles/storage.objectUser"
  member = google_service_account.service["trainer-job"].member
}

resource "google_storage_bucket_iam_member" "artifacts_reader" {
  bucket = google_storage_bucket.artifacts.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.service["inference"].member
}

# what is deployed, for all instances: usher_inference.releases.record
resource "google_storage_bucket_iam_member" "deployment_writer" {
  bucket = google_storage_bucket.artifacts.name
  role   = "roles/storage.objectUser"
  member = google_service_account.service["inference"].member

  condition {
    title      = "the record of what is deployed"
    expression = "resource.name == \"projects/_/buckets/${local.artifacts_bucket}/objects/deployment.json\""
  }
}
