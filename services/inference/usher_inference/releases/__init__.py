"""Releases in service: read, verified, smoke-tested, swapped, shared out and rolled back."""
