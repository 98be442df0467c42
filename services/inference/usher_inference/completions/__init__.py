"""Chat completions as OpenAI's API defines them."""
