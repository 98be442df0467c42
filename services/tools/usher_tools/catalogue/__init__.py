"""The catalogue: what a venue writes down, checked and imported."""
