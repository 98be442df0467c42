"""Adapters of the box office's ports."""
