"""Events on sale: finding and describing them."""
