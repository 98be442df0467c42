"""One turn: from the customer's message to the reply."""
