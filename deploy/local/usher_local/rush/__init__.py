"""An on-sale morning against a box office of its own: buyers, parties and attackers at once, then every invariant."""
