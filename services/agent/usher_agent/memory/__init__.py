"""What the agent remembers: within a conversation beyond the model's window, and of a customer who agreed to it."""
