"""Front door: identity, limits, chat API and streams, confirmations, web pages."""
