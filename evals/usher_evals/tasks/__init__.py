"""The tasks: data, and what they are built from."""
