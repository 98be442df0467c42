"""The caller's orders and the catalogue."""
