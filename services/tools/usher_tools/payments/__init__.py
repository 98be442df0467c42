"""Payments: the port of a payment provider."""
