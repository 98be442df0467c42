"""Vertex AI's contract for a custom container: instances in, predictions out."""
