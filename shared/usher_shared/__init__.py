"""Event and wire schemas, shared ports and their adapters."""
