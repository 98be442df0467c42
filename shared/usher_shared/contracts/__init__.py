"""Wire contracts between rooms and with the public. Standard library and pydantic only."""
