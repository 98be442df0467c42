"""Conversations with AG-UI clients."""
