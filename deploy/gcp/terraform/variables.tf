variable "project" {
  type        = string
  description = "The Google Cloud project's id. Usher has it to itself."
}

variable "region" {
  type        = string
  description = "Where everything runs and is stored, such as europe-west1."
}

variable "release" {
  type        = string
  description = "Tag of the images to run, such as a commit. The registry's tags are immutable: one tag is one build."
}

variable "settings" {
  type        = map(map(string))
  default     = {}
  description = "Settings by service, beyond the defaults: { agent = { USHER_AGENT_HOME_TIME_ZONE = \"Europe/Berlin\" } }. Never secrets."

  validation {
    condition = alltrue([
      for service, values in var.settings : alltrue([
        for name in keys(values) : startswith(name, "USHER_${upper(replace(service, "-", "_"))}_")
      ])
    ])
    error_message = "Each name starts with its service's prefix, such as USHER_AGENT_."
  }
}

variable "log_level" {
  type        = string
  default     = "INFO"
  description = "DEBUG, INFO, WARNING or ERROR, for all services."

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "It may be DEBUG, INFO, WARNING or ERROR."
  }
}

variable "traces" {
  type        = string
  default     = "none"
  description = "none or otlp; otlp needs OTEL_EXPORTER_OTLP_ENDPOINT (var.otlp_endpoint)."

  validation {
    condition     = contains(["none", "otlp"], var.traces)
    error_message = "It may be none or otlp."
  }
}

variable "otlp_endpoint" {
  type        = string
  default     = null
  description = "Where spans go when traces is otlp, such as http://collector.internal:4318."
}

variable "agent_model_api_key" {
  type        = bool
  default     = false
  description = "The agent's model server wants a key: it is read from the secret usher-agent-model-api-key."
}

variable "agent_model_keys" {
  type        = set(string)
  default     = []
  description = "Environment variables that USHER_AGENT_MODELS names as key_env: USHER_AGENT_KEY_X is read from the secret usher-agent-key-x."

  validation {
    condition     = alltrue([for variable in var.agent_model_keys : can(regex("^USHER_AGENT_KEY_[A-Z0-9_]+$", variable))])
    error_message = "Each is named USHER_AGENT_KEY_ and what it is the key of."
  }
}

variable "agent_vertex" {
  type        = bool
  default     = false
  description = "The agent asks models on Vertex AI, Gemini or endpoints: its account may ask for predictions, and nothing else there."
}

variable "inference_model_keys" {
  type        = set(string)
  default     = []
  description = "Environment variables that USHER_INFERENCE_REMOTE_MODELS names as key_env: USHER_INFERENCE_KEY_X is read from the secret usher-inference-key-x."

  validation {
    condition     = alltrue([for variable in var.inference_model_keys : can(regex("^USHER_INFERENCE_KEY_[A-Z0-9_]+$", variable))])
    error_message = "Each is named USHER_INFERENCE_KEY_ and what it is the key of."
  }
}

variable "inference_vertex" {
  type        = bool
  default     = false
  description = "The inference service serves models on Vertex AI, Gemini or endpoints: its account may ask for predictions, and nothing else there."
}

variable "stripe" {
  type        = bool
  default     = false
  description = "Payments go to Stripe: its keys are read from the secrets usher-stripe-secret-key and usher-stripe-webhook-secret."
}

variable "knowledge" {
  type        = bool
  default     = false
  description = "Documents in Vertex AI Vector Search: an index, its endpoint and the rights to use them. Costs by the hour."
}

variable "partner" {
  type        = bool
  default     = false
  description = "The venue keeps its own ticketing system: its key is read from the secret usher-tools-partner-key, its URL is a setting of tools."
}

variable "subnet_range" {
  type        = string
  default     = "10.8.0.0/22"
  description = "Private addresses of the services' instances. Each instance takes one, more while revisions change."
}

variable "operators" {
  type        = list(string)
  default     = []
  description = "Who may act as usher-operator and administer keys and catalogue, such as group:tickets@example.com."
}

variable "alert_emails" {
  type        = list(string)
  default     = []
  description = "Where alerts go."
}

variable "deletion_protection" {
  type        = bool
  default     = true
  description = "Terraform refuses to delete services and data while this is true."
}

variable "state_bucket" {
  type        = string
  description = "The bucket of this configuration's state, as given to terraform init: releases read and write it."
}
