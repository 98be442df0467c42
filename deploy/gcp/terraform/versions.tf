terraform {
  required_version = ">= 1.9"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.30, < 8.0"
    }
  }

  # where the state lies is given at init: terraform init -backend-config=bucket=STATE_BUCKET
  backend "gcs" {
    prefix = "usher"
  }
}

provider "google" {
  project = var.project
  region  = var.region
}
