"""Adapters of the Warehouse port."""
