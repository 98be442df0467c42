"""What the house knows beyond its catalogue: documents read, cut, indexed, searched and cited."""
