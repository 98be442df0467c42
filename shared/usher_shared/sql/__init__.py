"""SQL that somebody else wrote, checked before it runs."""
