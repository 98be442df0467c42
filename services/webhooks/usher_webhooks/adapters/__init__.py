"""Adapters: sending over HTTP, with every address checked as it is connected to."""
