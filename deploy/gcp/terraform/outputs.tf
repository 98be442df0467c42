output "gateway_url" {
  description = "Where customers and client applications call."
  value       = replace(local.service_url, "{service}", "gateway")
}

output "service_url" {
  description = "USHER_SERVICE_URL of every service."
  value       = local.service_url
}

output "registry" {
  description = "Where the images go: REGISTRY/<service>:<release>."
  value       = local.registry
}

output "operator" {
  description = "The account that operators act as."
  value       = google_service_account.operator.email
}
