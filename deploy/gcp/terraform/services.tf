# The seven services on Cloud Run.

data "google_project" "this" {
  project_id = var.project
}

locals {
  # Cloud Run's deterministic address: known before anything is deployed, so services can name each other
  service_url = "https://usher-{service}-${data.google_project.this.number}.${var.region}.run.app"
  registry    = "${var.region}-docker.pkg.dev/${var.project}/${google_artifact_registry_repository.usher.repository_id}"
}

resource "google_service_account" "service" {
  for_each = local.services

  account_id   = "usher-${each.key}"
  display_name = "Usher ${each.key}"
}

resource "google_cloud_run_v2_service" "service" {
  for_each = local.services

  name                 = "usher-${each.key}"
  location             = var.region
  ingress              = each.value.ingress
  custom_audiences     = ["usher-${each.key}"]
  invoker_iam_disabled = each.value.verifies
  deletion_protection  = var.deletion_protection

  template {
    service_account                  = google_service_account.service[each.key].email
    timeout                          = "${each.value.timeout_seconds}s"
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    max_instance_request_concurrency = each.value.concurrency

    scaling {
      min_instance_count = each.value.background ? 1 : 0
      max_instance_count = each.value.maximum
    }

    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = google_compute_network.usher.id
        subnetwork = google_compute_subnetwork.services.id
      }
    }

    containers {
      image = "${local.registry}/${each.key}:${var.release}"

      ports {
        container_port = each.value.port
      }

      resources {
        limits            = { cpu = each.value.cpu, memory = each.value.memory }
        cpu_idle          = !each.value.background
        startup_cpu_boost = true
      }

      startup_probe {
        period_seconds    = 1
        timeout_seconds   = 1
        failure_threshold = 60
        http_get {
          path = "/health"
        }
      }

      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 3
        failure_threshold = 3
        http_get {
          path = "/live"
        }
      }

      dynamic "env" {
        for_each = merge(local.variables[each.key], { USHER_SERVICE_URL = local.service_url })
        content {
          name  = env.key
          value = env.value
        }
      }

      dynamic "env" {
        for_each = local.secret_variables[each.key]
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = google_secret_manager_secret.service[env.value].secret_id
              version = "latest" # read when an instance starts
            }
          }
        }
      }
    }
  }

  depends_on = [
    google_project_service.api,
    google_secret_manager_secret_iam_member.service,
  ]
}
