"""Requests repeated with the same Idempotency-Key."""
