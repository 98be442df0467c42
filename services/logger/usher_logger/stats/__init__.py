"""Statistics over the last days."""
