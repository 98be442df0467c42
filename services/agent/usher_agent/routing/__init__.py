"""Which specialist a message is for."""
