"""Quotes: what an action would cost, and what a confirmation binds to."""
