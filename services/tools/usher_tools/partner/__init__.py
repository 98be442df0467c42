"""A venue that keeps its own ticketing system: asking it, and what is kept here of what it did."""
