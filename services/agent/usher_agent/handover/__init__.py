"""Handing a conversation on: to a colleague within the turn, or to a person with a support ticket."""
