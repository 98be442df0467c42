"""The event sink: what subscribers push becomes rows, in batches."""
