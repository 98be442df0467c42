# Models on Vertex AI. The predefined roles/aiplatform.user may also train, deploy and delete; asking a model, be it Google's
# or an endpoint's, takes one permission, which for Google's own models can only be granted on the project:
# https://cloud.google.com/vertex-ai/generative-ai/docs/access-control

resource "google_project_iam_custom_role" "model_caller" {
  count = var.agent_vertex ? 1 : 0

  role_id     = "usherModelCaller"
  title       = "Usher asks models"
  permissions = ["aiplatform.endpoints.predict"]
}

resource "google_project_iam_member" "model_caller" {
  count = var.agent_vertex ? 1 : 0

  project = var.project
  role    = google_project_iam_custom_role.model_caller[0].id
  member  = local.members["agent"]

  depends_on = [google_project_service.api]
}
