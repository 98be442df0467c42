"""Cancelling an event: no more sales from that moment, and everybody's money back, once."""
