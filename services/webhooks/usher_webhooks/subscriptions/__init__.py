"""Subscriptions: who is told of which events, and with which secrets."""
