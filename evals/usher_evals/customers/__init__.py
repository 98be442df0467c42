"""The simulated customers: what they say, how they read an answer, and what they do next."""
