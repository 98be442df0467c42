"""Embeddings as OpenAI's API defines them: texts in, vectors of length 1 out."""
