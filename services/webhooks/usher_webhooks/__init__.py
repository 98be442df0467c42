"""Outbound delivery: subscriptions, signing, retries."""
