"""What customers thought of a reply."""
