"""The specialists: what each is told beside the shared core, and which tools each may call."""
