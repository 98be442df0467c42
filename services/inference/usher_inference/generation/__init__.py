"""Tokens in, tokens out: many requests through one model at once."""
