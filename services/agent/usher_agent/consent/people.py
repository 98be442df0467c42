"""People a customer names: whom the tickets are for, counted against the proposal."""

import re

from usher_agent.consent.patterns import any_of, words_of
from usher_agent.consent.text import word_set

ONE_PERSON = word_set(
    "wife husband partner spouse hubby wifey son daughter kid child boy girl mom mum mother dad father sister "
    "brother "
    "grandma grandpa grandmother grandfather grandson granddaughter niece nephew cousin aunt uncle friend "
    "bestie buddy "
    "girlfriend boyfriend gf bf fiance fiancee boss colleague coworker roommate mate date self"
)
GROUPS = word_set(
    "sons daughters kids children boys girls parents sisters brothers siblings friends family folks cousins nieces "
    "nephews grandkids grandparents colleagues everyone everybody ones guys"
)
ADJECTIVES = word_set("little big older younger oldest youngest dear lovely whole entire best good teenage sweet")

_ONE = f"(?:me|myself|i|(?:my|our|a)(?: {words_of(' '.join(ADJECTIVES))})? {words_of(' '.join(ONE_PERSON))})"
_COUPLE = any_of("(?:the )?(?:two|both) of us", "us (?:two|both)", "my parents")
_COMPANIONS = re.compile(
    rf"(?:(?:(?:it is |they are |that is )?(?:just |only )?(?:for )?)(?P<couple>{_COUPLE})|for "
    rf"(?P<named>{_ONE}(?: and {_ONE})+))(?= [.,!;-]| please| thank|$)"
)


def match_companions(text: str, start: int, quantity: int | None) -> int | None:
    """Return where "for me and my husband" at `start` ends, if it names exactly as many people as tickets."""
    found = _COMPANIONS.match(text, start)
    if not found:
        return None
    count = 2 if found["couple"] else found["named"].count(" and ") + 1
    return found.end() if count == quantity else None
