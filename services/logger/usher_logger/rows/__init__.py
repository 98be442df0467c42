"""Rows of the warehouse for operators and tests."""
