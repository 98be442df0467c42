"""Conversations and confirmations."""
