"""Digital tickets: signed, verified at the door without a network, gone with the seat."""
