"""The caller's digital tickets."""
