"""Store credit: value that a customer has with the box office instead of money back."""
