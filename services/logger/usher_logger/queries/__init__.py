"""Queries that somebody else wrote, checked here before they run."""
