"""What may still be done with a ticket after the sale, until when and at which fee."""
