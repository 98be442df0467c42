"""The conversation: loop, confirmation ledger, guardrails, memory."""
