"""What other programs ask for in a customer's name: put to the customer, and answered with what became of it."""
