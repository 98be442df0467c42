"""Deliveries: one document for each event and webhook, sent until it is taken or given up."""
