# Two accounts for the pipeline (../cloudbuild.yaml). usher-build builds and pushes images. usher-deploy, which the
# build may act as, puts a new release on Cloud Run and changes nothing else: identities, topics and data stay with a person.

resource "google_service_account" "build" {
  account_id   = "usher-build"
  display_name = "Usher's image builds"
}

resource "google_service_account" "deploy" {
  account_id   = "usher-deploy"
  display_name = "Usher's releases"
}

resource "google_artifact_registry_repository_iam_member" "build" {
  repository = google_artifact_registry_repository.usher.name
  location   = var.region
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.build.member
}

resource "google_project_iam_member" "build_logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.build.member
}

# sources of a build that is started by hand lie under source/; the state beside them is not for the build
resource "google_storage_bucket_iam_member" "build_source" {
  bucket = var.state_bucket
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member

  condition {
    title      = "only-source"
    expression = "resource.name.startsWith(\"projects/_/buckets/${var.state_bucket}/objects/source/\")"
  }
}

resource "google_service_account_iam_member" "build_deploys" {
  service_account_id = google_service_account.deploy.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = google_service_account.build.member
}

# what `terraform apply -target=google_cloud_run_v2_service.service` changes ...
resource "google_cloud_run_v2_service_iam_member" "deploy" {
  for_each = google_cloud_run_v2_service.service

  name     = each.value.name
  location = var.region
  role     = "roles/run.developer"
  member   = google_service_account.deploy.member
}

resource "google_service_account_iam_member" "deploy_as" {
  for_each = google_service_account.service

  service_account_id = each.value.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deploy.member
}

resource "google_compute_subnetwork_iam_member" "deploy" {
  subnetwork = google_compute_subnetwork.services.name
  region     = var.region
  role       = "roles/compute.networkUser"
  member     = google_service_account.deploy.member
}

resource "google_storage_bucket_iam_member" "deploy_state" {
  bucket = var.state_bucket
  role   = "roles/storage.objectUser"
  member = google_service_account.deploy.member
}

# ... and what it reads on the way
resource "google_project_iam_member" "deploy_reads" {
  for_each = toset([
    "roles/artifactregistry.reader",
    "roles/browser",
    "roles/compute.networkViewer",
    "roles/iam.serviceAccountViewer",
    "roles/run.viewer",
    "roles/secretmanager.viewer",
    "roles/serviceusage.serviceUsageViewer",
  ])

  project = var.project
  role    = each.key
  member  = google_service_account.deploy.member
}
