# The services' own network: internal ingress lets in what comes from it, and Redis lives on it.
# Only private addresses are routed through it; calls to the internet leave Cloud Run directly and need no NAT.
# https://cloud.google.com/run/docs/securing/private-networking (requests from other Cloud Run services)

resource "google_compute_network" "usher" {
  name                    = "usher"
  auto_create_subnetworks = false

  depends_on = [google_project_service.api]
}

resource "google_compute_subnetwork" "services" {
  name                     = "usher-services"
  network                  = google_compute_network.usher.id
  region                   = var.region
  ip_cidr_range            = var.subnet_range
  private_ip_google_access = true
}

# run.app resolves to private.googleapis.com here, so that calls between services take the network
resource "google_dns_managed_zone" "run_app" {
  name       = "usher-run-app"
  dns_name   = "run.app."
  visibility = "private"

  private_visibility_config {
    networks {
      network_url = google_compute_network.usher.id
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_dns_record_set" "run_app" {
  managed_zone = google_dns_managed_zone.run_app.name
  name         = "*.run.app."
  type         = "A"
  ttl          = 300
  rrdatas      = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"]
}
