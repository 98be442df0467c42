# What each service is and needs, once. Everything else follows from these maps by for_each.
# Only functions, variables and data files here: `terraform console` evaluates it without a provider (tests/deploy).

locals {
  shared      = "${path.module}/../../../shared/usher_shared"
  topology    = jsondecode(file("${local.shared}/events/topics.json"))
  collections = jsondecode(file("${local.shared}/documents/collections.json"))

  # background: work between requests (outbox relay, sweeps, retries), so an instance stays and keeps its CPU.
  # verifies: Cloud Run leaves the caller's token to the service alone; else it asks for run.invoker before the service
  #   checks again. docs/adr/0013-google-cloud-roots.md says why Pub/Sub's subscribers verify.
  # memory: inference has room for onnxruntime (some 200 MiB) and a small model with its caches; a larger one wants more
  services = {
    for name, own in {
      gateway     = { background = true, verifies = true, timeout_seconds = 3600, ingress = "INGRESS_TRAFFIC_ALL" }
      agent       = { background = true, memory = "1Gi", concurrency = 40, timeout_seconds = 3600 }
      inference   = { verifies = true, memory = "1Gi", concurrency = 20, timeout_seconds = 600 }
      tools       = { background = true, concurrency = 40 }
      logger      = { verifies = true, memory = "1Gi", maximum = 5 }
      webhooks    = { background = true, verifies = true, maximum = 5 }
      trainer-job = { verifies = true, maximum = 2 }
    } :
    name => merge(
      {
        port            = 8080
        cpu             = "1"
        memory          = "512Mi"
        maximum         = 10
        concurrency     = 80
        timeout_seconds = 60
        background      = false
        verifies        = false
        ingress         = "INGRESS_TRAFFIC_INTERNAL_ONLY"
      },
      own,
    )
  }

  # who calls whom over HTTP: services, Pub/Sub's pushes (push) and the operator
  calls = {
    gateway  = ["agent", "tools", "webhooks", "logger"]
    agent    = ["inference", "tools"]
    push     = distinct([for entry in local.topology.subscriptions : entry.service])
    operator = ["agent", "inference", "tools", "logger", "webhooks", "trainer-job"]
  }
  call_edges = merge([
    for caller, called in local.calls : {
      for service in called : "${caller}-${service}" => { caller = caller, called = service }
    }
  ]...)

  # who publishes what; model_* have no publisher yet. The operator asks for training and redrives dead letters
  publishes = {
    gateway  = ["feedback_received"]
    agent    = ["conversation_completed", "chat_turn_completed", "error_occurred"]
    tools    = ["ticket_purchased", "ticket_upgraded", "ticket_refunded", "price_changed", "availability_changed", "wait_list_offered"]
    webhooks = ["error_occurred"]
    operator = local.topology.topics
  }
  publishing = merge([
    for account, topics in local.publishes : {
      for topic in topics : "${account}-${topic}" => { account = account, topic = topic }
    }
  ]...)

  pinged_topic = "error_occurred" # usher_shared.bus.pubsub

  # Firestore databases (usher-<key>) and the service that alone uses each
  databases = {
    gateway     = "gateway"
    agent       = "agent"
    tools       = "tools"
    sandbox     = "tools"
    webhooks    = "webhooks"
    trainer-job = "trainer-job"
  }

  # what topics.json says, one entry a push subscription; the same as usher_shared.events.load_topics
  dead_letter_topics = { for topic in local.topology.topics : topic => "${topic}${local.topology.dead_letter.suffix}" }
  subscribed = merge([
    for entry in local.topology.subscriptions : {
      for topic in(contains(entry.topics, "*") ? local.topology.topics : entry.topics) :
      "${entry.service}-${topic}" => merge(
        local.topology.defaults,
        { for key, value in entry : key => value if !contains(["service", "topics"], key) },
        { service = entry.service, topic = topic },
      )
    }
  ]...)
  subscriptions = {
    for name, own in local.subscribed : name => merge(own, { filter = replace(own.filter, "{topic}", own.topic) })
  }

  # secrets that a service reads as an environment variable; Terraform makes their places, never their values
  secrets = merge(
    {
      gateway-redis-uri = {
        service   = "gateway"
        variables = ["USHER_GATEWAY_LIMIT_STORAGE", "USHER_GATEWAY_CACHE_STORAGE"]
      }
      tools-ticket-signing-key = { service = "tools", variables = ["USHER_TOOLS_TICKET_SIGNING_KEY"] }
    },
    !var.agent_model_api_key ? {} : {
      agent-model-api-key = { service = "agent", variables = ["USHER_AGENT_MODEL_API_KEY"] }
    },
    { for variable in var.agent_model_keys :
      lower(replace(trimprefix(variable, "USHER_"), "_", "-")) => { service = "agent", variables = [variable] }
    },
    { for variable in var.inference_model_keys :
      lower(replace(trimprefix(variable, "USHER_"), "_", "-")) => { service = "inference", variables = [variable] }
    },
    !var.stripe ? {} : {
      stripe-secret-key     = { service = "tools", variables = ["USHER_TOOLS_STRIPE_SECRET_KEY"] }
      stripe-webhook-secret = { service = "tools", variables = ["USHER_TOOLS_STRIPE_WEBHOOK_SECRET"] }
    },
    !var.partner ? {} : {
      tools-partner-key = { service = "tools", variables = ["USHER_TOOLS_PARTNER_KEY"] }
    },
  )
  secret_variables = {
    for service in keys(local.services) : service => merge([
      for secret, use in local.secrets : { for variable in use.variables : variable => secret } if use.service == service
    ]...)
  }

  artifacts_bucket = "${var.project}-usher-artifacts"

  # what a service is told besides where the others are
  own_variables = {
    gateway   = { USHER_GATEWAY_TRUSTED_PROXIES = "1" } # Cloud Run's front end appends the client to X-Forwarded-For
    inference = { USHER_INFERENCE_RELEASES_BUCKET = local.artifacts_bucket }
  }
  variables = {
    for service in keys(local.services) : service => merge(
      {
        USHER_PROJECT   = var.project
        USHER_LOG_LEVEL = var.log_level
        USHER_TRACES    = var.traces
      },
      var.otlp_endpoint == null ? {} : { OTEL_EXPORTER_OTLP_ENDPOINT = var.otlp_endpoint },
      lookup(local.own_variables, service, {}),
      lookup(var.settings, service, {}),
    )
  }
}
