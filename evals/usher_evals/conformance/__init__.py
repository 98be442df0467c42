"""Whether a venue's own ticketing system keeps the contract of docs/guides/box-office-partner.md.

    python -m usher_evals.conformance --url https://tickets.example/usher --key-env PARTNER_KEY

It speaks HTTP alone, holds and buys a few seats of one event under customers of its own, and wants a test system.
"""
