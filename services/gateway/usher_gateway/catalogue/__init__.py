"""The catalogue that everyone sees alike, read once for a crowd."""
