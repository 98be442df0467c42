"""The groups of commands of `usher`, one file each; the cli puts them together."""
