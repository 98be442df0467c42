# Topics, dead-letter topics and push subscriptions: all of topics.json, nothing by hand.

locals {
  # subscribers remember an event's id for 14 days: what is kept 7 days and then 7 days as a dead letter is still known
  retention = "604800s"
}

resource "google_pubsub_topic" "event" {
  for_each = toset(local.topology.topics)

  name = each.key

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.api]
}

resource "google_pubsub_topic" "dead_letter" {
  for_each = local.dead_letter_topics

  name = each.value

  message_storage_policy {
    allowed_persistence_regions = [var.region]
  }

  depends_on = [google_project_service.api]
}

# without a subscription a dead letter would be lost
resource "google_pubsub_subscription" "dead_letter" {
  for_each = local.dead_letter_topics

  name                       = "kept-${each.value}"
  topic                      = google_pubsub_topic.dead_letter[each.key].id
  message_retention_duration = local.retention
  ack_deadline_seconds       = 60

  expiration_policy {
    ttl = "" # never
  }
}

resource "google_pubsub_subscription" "push" {
  for_each = local.subscriptions

  name                       = each.key
  topic                      = google_pubsub_topic.event[each.value.topic].id
  ack_deadline_seconds       = each.value.ack_deadline_seconds
  enable_message_ordering    = each.value.enable_message_ordering
  message_retention_duration = local.retention
  filter                     = each.value.filter # cannot be changed: another filter makes another subscription

  push_config {
    push_endpoint = "${google_cloud_run_v2_service.service[each.value.service].uri}${each.value.path}"
    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = "usher-${each.value.service}"
    }
  }

  retry_policy {
    minimum_backoff = "${each.value.minimum_backoff_seconds}s"
    maximum_backoff = "${each.value.maximum_backoff_seconds}s"
  }

  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead_letter[each.value.topic].id
    max_delivery_attempts = each.value.max_delivery_attempts
  }

  expiration_policy {
    ttl = "" # never
  }

  depends_on = [google_service_account_iam_member.push_tokens]
}
