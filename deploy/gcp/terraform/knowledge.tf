# The house's documents in Vertex AI Vector Search, with `knowledge = true`. A deployed index costs by the hour, used or not.
# Passages' texts are in the agent's Firestore database; the operator's program fills both (docs/guides/knowledge.md).

resource "google_vertex_ai_index" "documents" {
  count = var.knowledge ? 1 : 0

  region              = var.region
  display_name        = "usher-documents"
  description         = "Passages of the house's documents, as the agent's search_knowledge finds them"
  index_update_method = "STREAM_UPDATE"

  metadata {
    config {
      dimensions                  = 768
      approximate_neighbors_count = 50
      distance_measure_type       = "DOT_PRODUCT_DISTANCE"
      feature_norm_type           = "UNIT_L2_NORM"
      shard_size                  = "SHARD_SIZE_SMALL"

      algorithm_config {
        tree_ah_config {
          leaf_node_embedding_count    = 500
          leaf_nodes_to_search_percent = 20
        }
      }
    }
  }

  depends_on = [google_project_service.api]
}

resource "google_vertex_ai_index_endpoint" "documents" {
  count = var.knowledge ? 1 : 0

  region                  = var.region
  display_name            = "usher-documents"
  public_endpoint_enabled = true

  depends_on = [google_project_service.api]
}

resource "google_vertex_ai_index_endpoint_deployed_index" "documents" {
  count = var.knowledge ? 1 : 0

  region            = var.region
  index_endpoint    = google_vertex_ai_index_endpoint.documents[0].id
  index             = google_vertex_ai_index.documents[0].id
  deployed_index_id = "usher_documents"

  dedicated_resources {
    min_replica_count = 1
    max_replica_count = 2

    machine_spec {
      machine_type = "e2-standard-2"
    }
  }
}

# the agent searches, the operator changes; both ask for embeddings
locals {
  knowledge_roles = !var.knowledge ? {} : {
    agent    = { title = "Usher searches documents", permissions = ["aiplatform.endpoints.predict", "aiplatform.indexEndpoints.queryVectors"] }
    operator = { title = "Usher indexes documents", permissions = ["aiplatform.endpoints.predict", "aiplatform.indexes.update"] }
  }
}

resource "google_project_iam_custom_role" "knowledge" {
  for_each = local.knowledge_roles

  role_id     = "usherDocuments${title(each.key)}"
  title       = each.value.title
  permissions = each.value.permissions
}

resource "google_project_iam_member" "knowledge" {
  for_each = local.knowledge_roles

  project = var.project
  role    = google_project_iam_custom_role.knowledge[each.key].id
  member  = local.members[each.key]
}

resource "google_project_iam_member" "operator_passages" {
  count = var.knowledge ? 1 : 0

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.operator.member

  condition {
    title      = "only-usher-agent"
    expression = "resource.name == \"projects/${var.project}/databases/usher-agent\""
  }
}
