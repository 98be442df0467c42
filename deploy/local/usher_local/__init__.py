"""Composition root of the embedded stack, its bus, its seed catalogue."""
