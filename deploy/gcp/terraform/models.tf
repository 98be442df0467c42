# Models on Vertex AI. The predefined roles/aiplatform.user may also train, deploy and delete; asking a model, be it Google's
# or an endpoint's, takes one permission, which for Google's own models can only be granted on the project:
# https://cloud.google.com/vertex-ai/generative-ai/docs/access-control

locals {
  model_callers = toset(concat(var.agent_vertex ? ["agent"] : [], var.inference_vertex ? ["inference"] : []))
}

resource "google_project_iam_custom_role" "model_caller" {
  count = length(local.model_callers) > 0 ? 1 : 0

  role_id     = "usherModelCaller"
  title       = "Usher asks models"
  permissions = ["aiplatform.endpoints.predict"]
}

resource "google_project_iam_member" "model_caller" {
  for_each = local.model_callers

  project = var.project
  role    = google_project_iam_custom_role.model_caller[0].id
  member  = local.members[each.key]

  depends_on = [google_project_service.api]
}
