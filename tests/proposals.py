"""A proposal as it is put and as it is known: what the tests of consent reply to."""

from usher_agent.consent import ProposalContext

PROPOSAL_TEXT = (
    "I have 2 seats in section C row 5 at Riverside Arena for Blue Heron Live in Boston on Friday March 8th "
    "at 7:30 pm, total $240.00, non-refundable. Shall I buy them?"
)
PROPOSAL = ProposalContext(
    quantity=2,
    total="$240.00",
    event="Blue Heron Live",
    venue="Riverside Arena",
    city="Boston",
    date="2030-03-08",
    time="19:30",
    section="section C row 5",
)
