"""Does a reply consent to the pending proposal exactly as stated?

A yes is proved, never guessed: every token of the reply has to be explained as agreement, politeness, a verified
restatement of the proposal's facts or a harmless question, with at least one agreement among them.
"""

import re
from functools import lru_cache

from usher_agent.consent.asides import match_aside
from usher_agent.consent.echoes import is_echoed_yes
from usher_agent.consent.facts import match_facts
from usher_agent.consent.foreign import is_foreign_yes
from usher_agent.consent.keeping import refuses_in_other_words
from usher_agent.consent.model import Action, Consent, ProposalContext
from usher_agent.consent.people import match_companions
from usher_agent.consent.phrases import (
    Kind,
    Part,
    ends_in_praise,
    is_empty_yes,
    match_fact_remark,
    match_phrase,
)
from usher_agent.consent.proposal import Facts, collect_facts, read_proposal
from usher_agent.consent.questions import match_question
from usher_agent.consent.rejection import is_rejection
from usher_agent.consent.remarks import mask_names, match_remark
from usher_agent.consent.text import normalise

_LONGEST_MESSAGE = 500  # characters; a longer reply says more than yes
_PAUSES = re.compile(r"[.,!;:()–—-](?= |$)")
# Words of a sale: where no sale is proposed, they answer something else than the proposal.
_SALE = re.compile(
    r"\b(?:buy|buying|bought|purchas\w+|book|booked|booking|reserv\w+|orders? (?:it|them|those|these)|take my money|"
    r"check out|snag|grab|scoop|get (?:them|it|those|these|me|us)|tickets? (?:please|for me))\b"
)
_PAYMENT = re.compile(r"\b(?:pay|paying|payment|card|charge|bill me|process)\b")
# "No changes" keeps what there is, "that's it" may end the conversation.
_LEAVES = re.compile(
    r"\bno changes?\b|\bnothing to change\b|\b(?:that|this|it) (?:would be it|should do it|covers|takes care of)\b"
)
_AGREES_ALONE = frozenset((Kind.ACCEPTANCE, Kind.APPROVAL, Kind.TAIL))
_ACCOMPANIES = frozenset((Kind.TAIL, Kind.RECEIPT))  # "where is it, so I can find it?"
_MAY_BE_ASKED = frozenset((Kind.QUESTION, Kind.POLITE_ORDER))


def classify_consent(message: str, proposal: ProposalContext | None = None) -> Consent:
    """Classify the customer's message that follows a stated proposal.

    Without a proposal, a reply that restates any fact is unclear, since the fact cannot be verified.
    """
    if len(message) > _LONGEST_MESSAGE:
        return Consent.UNCLEAR
    text = normalise(message)
    if not text:
        return Consent.UNCLEAR
    proposal = proposal or ProposalContext()
    if (is_echoed_yes(message, text) or _agrees(text, proposal)) and _fits(text, proposal):
        return Consent.YES
    refused = is_rejection(text) or refuses_in_other_words(text, proposal.action)
    return Consent.NO if refused else Consent.UNCLEAR


def says_yes(system_text: str, user_text: str) -> bool:
    """Whether `user_text` consents to the proposal that `system_text` states in words."""
    return classify_consent(user_text, _read_proposal(system_text)) is Consent.YES


_read_proposal = lru_cache(maxsize=256)(read_proposal)
_collect_facts = lru_cache(maxsize=256)(collect_facts)


def _agrees(text: str, proposal: ProposalContext) -> bool:
    if is_foreign_yes(text):
        return True
    kinds = None if is_empty_yes(text) else _explain(text, proposal, _collect_facts(proposal))
    if not kinds:
        return False
    if Kind.ASSENT in kinds:
        return True
    if Kind.APPROVAL in kinds:
        return kinds <= _AGREES_ALONE | {Kind.QUESTION}
    return Kind.ACCEPTANCE in kinds and kinds <= _AGREES_ALONE


def _fits(text: str, proposal: ProposalContext) -> bool:
    """Whether the words are of this kind of proposal: "book them" is no yes to a refund, nor "both" to four tickets."""
    if proposal.quantity not in (None, 2) and re.search(r"\bboth\b", text):
        return False
    if proposal.action is Action.BUY:
        return True
    plain = mask_names(text, _collect_facts(proposal).words)
    if _LEAVES.search(plain) or _SALE.search(plain):
        return False
    return proposal.action is Action.UPGRADE or not _PAYMENT.search(plain)


def _explain(text: str, proposal: ProposalContext, facts: Facts) -> set[Kind] | None:
    """Return what the parts of the text do, or None where some token stays unexplained."""
    kinds: set[Kind] = set()
    asked = False  # whether a question mark may follow
    previous: Kind | None = None  # the part directly before, with no pause between
    masked = mask_names(text, facts.words)
    position = 0
    while position < len(text):
        if pause := _PAUSES.match(text, position):
            position, previous = pause.end() + 1, None
        elif text.startswith("?", position):
            if not asked:
                return None
            position, previous, asked = position + 2, None, False
        else:
            part = _longest_part((text, masked), position, previous, proposal, facts)
            if Kind.QUESTION in kinds:
                part = max(filter(None, (part, match_aside(text, position))), key=_end, default=None)
            if part is None:
                return None
            asked = part.kind in _MAY_BE_ASKED or (asked and part.kind in _ACCOMPANIES)
            kinds.add(part.kind)
            position, previous = part.end + 1, part.kind
    return kinds


def _longest_part(
    texts: tuple[str, str], position: int, previous: Kind | None, proposal: ProposalContext, facts: Facts
) -> Part | None:
    text, masked = texts
    remarks_on_fact = previous is Kind.FACT
    # "great arena" admires; it does not restate
    admires = previous is not None and ends_in_praise(text[:position])
    parts = (
        match_fact_remark(text, position) if remarks_on_fact else None,
        match_phrase(text, position, proposal.action),
        match_question(text, position, facts.words),
        None if admires else match_facts(text, position, facts),
        _part(Kind.RECEIPT, match_remark(masked, position)),
        _part(Kind.FACT, match_companions(text, position, facts.quantity)),
    )
    return max((part for part in parts if part), key=_end, default=None)


def _end(part: Part) -> int:
    return part.end


def _part(kind: Kind, end: int | None) -> Part | None:
    return None if end is None else Part(kind, end)
