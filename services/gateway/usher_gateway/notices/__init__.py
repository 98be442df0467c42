"""Notifications of payment providers, on their way to the box office."""
