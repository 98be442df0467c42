"""What holds whatever a model says: figures and promises need a source, personal data stays out, text is no order."""
