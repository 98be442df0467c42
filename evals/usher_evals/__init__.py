"""Simulated customers, scenarios, graders and corpus measures."""
