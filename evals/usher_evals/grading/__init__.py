"""What a run is worth: the end state, the facts told, and the invariants."""
