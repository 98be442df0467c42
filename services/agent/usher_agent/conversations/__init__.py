"""Conversations: their documents, their end, their erasure."""
