resource "google_project_service" "api" {
  for_each = toset(concat(length(local.model_callers) > 0 || var.knowledge ? ["aiplatform.googleapis.com"] : [], [
    "artifactregistry.googleapis.com",
    "bigquery.googleapis.com",
    "bigquerystorage.googleapis.com",
    "cloudbuild.googleapis.com",
    "compute.googleapis.com",
    "dns.googleapis.com",
    "firestore.googleapis.com",
    "iam.googleapis.com",
    "iamcredentials.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "pubsub.googleapis.com",
    "redis.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
  ]))

  service            = each.key
  disable_on_destroy = false
}

resource "google_artifact_registry_repository" "usher" {
  repository_id = "usher"
  location      = var.region
  format        = "DOCKER"
  description   = "The images of Usher's services"

  docker_config {
    immutable_tags = true
  }

  depends_on = [google_project_service.api]
}
