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

output "knowledge" {
  description = "With `knowledge`: what goes into settings.agent, and into the environment of the operator's program."
  value = !var.knowledge ? null : {
    USHER_AGENT_KNOWLEDGE_INDEX           = google_vertex_ai_index.documents[0].id
    USHER_AGENT_KNOWLEDGE_ENDPOINT        = google_vertex_ai_index_endpoint.documents[0].id
    USHER_AGENT_KNOWLEDGE_ENDPOINT_DOMAIN = google_vertex_ai_index_endpoint.documents[0].public_endpoint_domain_name
    USHER_AGENT_KNOWLEDGE_DEPLOYED_INDEX  = google_vertex_ai_index_endpoint_deployed_index.documents[0].deployed_index_id
  }
}
