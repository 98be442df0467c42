"""Who calls: API keys of client applications and bearer tokens of customers."""
