"""Whether a customer's reply consents to a pending proposal exactly as it was stated."""

from usher_agent.consent.classifier import classify_consent, says_yes
from usher_agent.consent.model import Action, Consent, ProposalContext
from usher_agent.consent.proposal import read_proposal

__all__ = ["Action", "Consent", "ProposalContext", "classify_consent", "read_proposal", "says_yes"]
