"""What a customer says of themselves: names and addresses, which name no event and no city to go to."""

import re

from usher_inference.understanding.passage import Passage

_NAME = r"[A-Z][\w'-]+(?:\s+(?:[A-Z]\.|[A-Z][\w'-]+|de|van|von|der|la)){0,3}"
_INTRODUCED = re.compile(
    rf"\b(?:[Mm]y (?:full |first |last )?name(?:'s| is)|[Tt]he name(?:'s| is)|I(?:'m| am) called|[Cc]all me|"
    rf"(?:[Bb]ook(?:ed)?|[Pp]ut) (?:it|them) under(?: the name)?|(?:^|(?<=[.,!] ))(?:I'm|I am|[Tt]his is))\s+{_NAME}"
    r"(?=\s*(?:[.,;!]|$| and\b| here\b| from\b))"
)
_LIVES = re.compile(
    r"\b(?:i|we) (?:live|reside|am based|are based|stay) (?:at|on|in)\s+\d[^.;!?]*|"
    r"\bmy (?:home |postal |billing )?address(?:'s| is|:)\s*\d[^.;!?]*"
)
_MAIL = re.compile(r"(?:\b(?:my )?e?-?mail(?: address)?(?: is|:)?\s+)?[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def claim_introduction(passage: Passage) -> None:
    """Blot out who the customer is and where they live."""
    for pattern, text in ((_INTRODUCED, passage.text), (_LIVES, passage.low), (_MAIL, passage.low)):
        passage.claim_all([found.span() for found in pattern.finditer(text)])
