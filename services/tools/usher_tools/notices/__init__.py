"""What payment providers tell us unasked."""
