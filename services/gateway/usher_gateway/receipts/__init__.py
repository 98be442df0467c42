"""Receipts of the caller's orders, as JSON or as a page to print."""
