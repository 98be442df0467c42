"""The models behind an OpenAI-compatible API, with an offline engine."""
