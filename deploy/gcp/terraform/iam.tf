# Who may do what. Every service has an account of its own; nothing here grants a role on the project
# except Firestore's, which a condition narrows to the service's own database.

# Pub/Sub signs its pushes as this account
resource "google_service_account" "push" {
  account_id   = "usher-push"
  display_name = "Usher's event pushes"
}

# people act as this account to administer
resource "google_service_account" "operator" {
  account_id   = "usher-operator"
  display_name = "Usher's operators"
}

resource "google_service_account_iam_member" "operator" {
  for_each = toset(var.operators)

  service_account_id = google_service_account.operator.name
  role               = "roles/iam.serviceAccountTokenCreator"
  member             = each.key
}

locals {
  members = merge(
    { for name, account in google_service_account.service : name => account.member },
    { push = google_service_account.push.member, operator = google_service_account.operator.member },
  )
  pubsub_agent = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
}

# calls between services

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = local.call_edges

  name     = google_cloud_run_v2_service.service[each.value.called].name
  location = var.region
  role     = "roles/run.invoker"
  member   = local.members[each.value.caller]
}

# events

resource "google_pubsub_topic_iam_member" "publisher" {
  for_each = local.publishing

  topic  = google_pubsub_topic.event[each.value.topic].id
  role   = "roles/pubsub.publisher"
  member = local.members[each.value.account]
}

# /ready asks whether this topic is there
resource "google_pubsub_topic_iam_member" "ready" {
  for_each = setintersection(keys(local.publishes), keys(local.services))

  topic  = google_pubsub_topic.event[local.pinged_topic].id
  role   = "roles/pubsub.viewer"
  member = local.members[each.key]
}

# Pub/Sub itself: ID tokens of usher-push, forwarding to dead-letter topics, acknowledging what it forwarded
# https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions, /handling-failures#grant_forwarding_permissions

resource "google_service_account_iam_member" "push_tokens" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub_agent
}

resource "google_pubsub_topic_iam_member" "dead_letter" {
  for_each = google_pubsub_topic.dead_letter

  topic  = each.value.id
  role   = "roles/pubsub.publisher"
  member = local.pubsub_agent
}

resource "google_pubsub_subscription_iam_member" "dead_letter" {
  for_each = google_pubsub_subscription.push

  subscription = each.value.id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub_agent
}

# the operator looks at dead letters and takes them
resource "google_pubsub_subscription_iam_member" "operator" {
  for_each = google_pubsub_subscription.dead_letter

  subscription = each.value.id
  role         = "roles/pubsub.subscriber"
  member       = google_service_account.operator.member
}

# documents: a service reaches its own databases only
# https://cloud.google.com/firestore/docs/manage-databases#per_database_access

resource "google_project_iam_member" "datastore" {
  for_each = local.databases

  project = var.project
  role    = "roles/datastore.user"
  member  = local.members[each.value]

  condition {
    title      = "only-usher-${each.key}"
    expression = "resource.name == \"projects/${var.project}/databases/usher-${each.key}\""
  }
}

# the operator reads the conversations that support tickets are about
resource "google_project_iam_member" "operator_conversations" {
  project = var.project
  role    = "roles/datastore.viewer"
  member  = google_service_account.operator.member

  condition {
    title      = "only-usher-agent"
    expression = "resource.name == \"projects/${var.project}/databases/usher-agent\""
  }
}

# the operator administers API keys (gateway) and the catalogue (tools)
resource "google_project_iam_member" "operator_datastore" {
  for_each = toset(["gateway", "tools"])

  project = var.project
  role    = "roles/datastore.user"
  member  = google_service_account.operator.member

  condition {
    title      = "only-usher-${each.key}"
    expression = "resource.name == \"projects/${var.project}/databases/usher-${each.key}\""
  }
}
