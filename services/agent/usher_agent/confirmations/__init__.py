"""The ledger of proposals: what was offered, what the customer answered, what came of it."""
