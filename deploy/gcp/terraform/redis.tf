# What gateways share: request counts and a moment's catalogue. Nothing in it has to last, so there is no replica.
# Its certificate carries its address as a common name alone (https://github.com/envoyproxy/ratelimit/pull/409), which
# clients no longer accept as a name; but its certificate authority signs for this instance only
# (https://cloud.google.com/memorystore/docs/redis/in-transit-encryption), so the authority says who it is.

resource "google_redis_instance" "usher" {
  name                    = "usher"
  region                  = var.region
  tier                    = "BASIC"
  memory_size_gb          = 1
  redis_version           = "REDIS_7_2"
  authorized_network      = google_compute_network.usher.id
  connect_mode            = "DIRECT_PEERING"
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"
  redis_configs           = { maxmemory-policy = "volatile-ttl" } # kept answers go before counts

  depends_on = [google_project_service.api]
}

locals {
  redis_authorities = urlencode(join("\n", google_redis_instance.usher.server_ca_certs[*].cert))
}

resource "google_secret_manager_secret_version" "gateway_redis_uri" {
  secret = google_secret_manager_secret.service["gateway-redis-uri"].id
  secret_data = join("", [
    "rediss://:${google_redis_instance.usher.auth_string}@",
    "${google_redis_instance.usher.host}:${google_redis_instance.usher.port}/0",
    "?ssl_check_hostname=false&ssl_ca_data=${local.redis_authorities}",
  ])
}
