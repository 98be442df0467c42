"""The loop that improves the model; for now its trigger."""
