"""Availability: when a show or a section of it sells out, nearly does, or is to be had again."""
