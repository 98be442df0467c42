"""Subscriptions to outbound events."""
