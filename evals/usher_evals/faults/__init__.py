"""Faults at the boundary between the agent and its tools."""
