"""The offline semantic parser: reads simple aggregations, and refuses what it does not understand word by word."""
