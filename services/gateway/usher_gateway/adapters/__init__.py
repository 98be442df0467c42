"""Key sets from files and URLs."""
