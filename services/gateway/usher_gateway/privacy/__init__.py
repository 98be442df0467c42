"""What a customer agrees to."""
