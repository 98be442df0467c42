"""Support tickets: matters handed to a person."""
