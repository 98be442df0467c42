"""Receipts: what was bought, moved and given back, and the money for it."""
