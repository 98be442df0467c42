"""Asking models that run elsewhere: OpenAI's wire, Vertex AI's endpoints, Gemini. The agent and inference both do."""
