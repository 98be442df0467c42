"""The warehouse: event sink, tables, statistics."""
