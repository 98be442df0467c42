"""What every HTTP service shares: the app factory, problem documents, tokens between services, the client."""
