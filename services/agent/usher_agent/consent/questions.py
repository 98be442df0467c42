"""Questions that take nothing back from a yes: where the event is, and when it starts.

A question about anything else (price, seats, refunds, other dates) may decide whether the customer wants to buy at
all, so it is not explained here and keeps the reply from being a yes.
"""

import re
from itertools import pairwise

from usher_agent.consent.phrases import Kind, Part
from usher_agent.consent.text import word_set

_OPENING = re.compile(
    r"(?:just |please |and |also )*(?:it (?:starts|is|begins)(?= (?:when|where|what time))|(?:what|which|where|"
    r"when|(?:at|in|by|around) (?:what|which)|how far)"
    r"|how (?:do|can|would|should) (?:i|we) get"
    r"|(?:can|could) you(?: please)? confirm(?= (?:the|where|what|when))"
    r"|(?:the |this |that )?(?:venue|address|location|place|arena|event|show|game|concert|match) (?:is|starts|begins)"
    r"(?: at)?(?= (?:where|when|what))"
    r"|(?:i|we) (?:also |just |almost )?(?:(?:forgot|wanted|meant|would like) to ask|forgot)(?: you)?(?: about)?"
    r"(?= (?:where|when|what|the))"
    r"|if you (?:can|could) (?:tell|give|send) (?:me|us)|(?:can|could|may|will|would) (?:you|i|we)(?: also| "
    r"please| just)*"
    r"|do you (?:know|have)|any idea(?= (?:where|when|what))"
    r"|(?:tell|give|send|get|find|share|provide|remind|let|look up|show|locate|email|text|repeat|check)"
    r"|(?:i|we) (?:was|am|were|are) (?:just |also )?(?:wondering|curious)|(?:i|we) (?:also )?wanted to know"
    r"|(?:i|we)(?: would| will)?(?: also)? (?:like|need|want)(?= (?:to know|the|directions)))(?= |$)"
)
# "The address, please?" asks only as a sentence of its own; "great location" does not.
_BARE_OPENING = re.compile(
    r"(?:(?:and|also|the|their|its|exact|street|venue) )*(?:address|location|venue|start(?:ing)? time|directions)"
    r"(?= (?:and|or|of|for|please|[?.])|$)"
)
_JOINTS = (". ", ", ", "! ", "? ", "; ", "- ", "and ", "also ")
# "Confirm where it is", "exactly when does it start": the word before belongs to the question.
_GOVERNORS = ("confirm ", "exactly ", "precisely ", "out ", "check ", "certain ", "sure about ", "know ")
_PLACE = word_set(
    "address location venue directions stadium arena theater theatre ballpark park hall club center centre where"
)
_WORDS = _PLACE | word_set(
    # the event and who is in it
    "event game match show concert gig performance play activity festival party musical shindig "
    "amphitheater amphitheatre they them he she him her his artist artists band singer group "
    "musician musicians team teams players "
    "opera recital ceremony fixture tournament ballgame race fight production orchestra symphony choir comedian "
    "act acts performer performers headliner headliners people guests everyone entrance gates facility site spot "
    "premises "
    # what happens there and then
    "located held holding hosting hosted taking take takes taken happening happen happens going go gonna gong "
    "start "
    "starts starting started begin begins beginning commence commences commencing commencement kick off kickoff "
    "opening doors open opens pitch play plays played playing perform performs performing performed situated "
    "conducted "
    "tip tipoff showtime curtain rise rises faceoff headed heading am "
    "organized organised arranged planned listed evening night day morning afternoon hour hours "
    "expected scheduled supposed set occur occurring end ends finish last time times timing timings date when "
    # asking
    "what which how can could may might will would should shall do does is are be being was am tell give get "
    "find out "
    "share send provide remind let know see look check need have like show idea any mind wondering far "
    "repeat did say said town "
    # going there
    "come arrive reach attend attending attend head drive driving way route map there here building place area "
    "name "
    "zip postal code postcode neighborhood district whereabouts near show roughly approximately around "
    "street city full complete exact exactly physical specific precise actual "
    # whatever stands between
    "the a an of for to at in on by it its their that this i you me us we our and or also so now then too please "
    "again as well information info details about with contact currently up though"
)
# What starts an event, of words that say other things alone.
_PAIRS = frozenset(
    (("first", "pitch"), ("puck", "drop"), ("puck", "drops"), ("face", "off"), ("first", "whistle"), ("part", "of"))
)
_PURPOSES = frozenset((("so", "i"), ("so", "we"), ("for", "my"), ("for", "our")))
_CLOSING = word_set(". , ! ? ; - please thanks thank")
# "When it starts" alone would be a condition; asking takes a verb after "when", or a verb of telling before it.
_ASKS_WHEN = re.compile(
    r"\bwhen (?:is|does|do|will|are|and|or|would)\b"
    r"|\bwhen the (?:event|game|match|show|concert) (?:start|begin)s?\b"
    r"|\b(?:know|tell me|tell us|find out|find|remind me)(?: \w+ (?:and|or))? when (?:it|the|that|this|they|he|"
    r"she)\b"
    r"|\bwhere (?:and|or) when\b|\b(?:starts|begins) when\b"
)
# "Give me time" asks for patience; "the time" for the hour.
_ASKS_TIME = re.compile(
    r"\bhow (?:to|do|can|would|should) (?:i |we )?get there\b|\b(?:timings?|how far|which way|name of the "
    r"place|first pitch|show ?time|(?:what|which) (?:street|city|town|part of town)|"
    r"(?:street|city|town|part of town) (?:it|that|this) is (?:in|on))\b"
    r"|\b(?:starting|start|commencement|off|kickoff) time\b"
    r"|\b(?:what|which|the|its|start|starting|exact|event|game|show|concert|and|opening|venue) time\b"
)
# "When do I have to decide", "send them to my address", "find a show": requests that are about something else.
_ANOTHER_REQUEST = re.compile(
    r"\b(?:have|need|like|supposed) to\b"
    r"(?! (?:know|go|come|be|head|get there|arrive|attend|start|begin|happen|take place))"
    r"|(?<!where can i )(?<!where will i )(?<!where do i )(?<!where will we )(?<!where can we )(?<!where do we )"
    r"\b(?:send|give|share|get|have|need|show|find|set|email|text|let) (?:it|them|this|that|him|her)\b"
    r"|\b(?:to|can|could|do|should|may|would) (?:i |we |you |one )?park\b"
    r"|\blet (?:me|us) (?:check|see|look|think|find)\b"
    r"|\b(?:part|area|side) of (?!town\b|the (?:city|town)\b)"  # of the hall: where the seats are
    r"|\b(?:find|get|give|have|see|need|check|like|for) (?:me |us )?(?:a|an|any) (?!(?:(?:start|starting|"
    r"opening|exact) )?(?:time|location|address|venue)\b)"
)


def match_question(text: str, start: int, proposal_words: frozenset[str]) -> Part | None:
    """Return the question about place or time at `start`, or None.

    `proposal_words` are words of the proposal that the question may name, such as those of the venue.
    """
    before = text[:start]
    opening = None if before.endswith(_GOVERNORS) else _OPENING.match(text, start)
    if opening is None and (not before or before.endswith(_JOINTS)):
        opening = _BARE_OPENING.match(text, start)
    if not opening:
        return None
    words = text[start:].split(" ")
    length = _run_length(words, opening.group().count(" ") + 1, proposal_words)
    while length and length < len(words) and not _may_end_before(words[length : length + 2]):
        length -= 1
    question = " ".join(words[:length])
    return Part(Kind.QUESTION, start + len(question)) if _asks_place_or_time(question) else None


def _run_length(words: list[str], opening: int, proposal_words: frozenset[str]) -> int:
    """Return how many leading words, its `opening` ones granted, a question about place or time may be made of."""
    for position, word in enumerate(words[opening:], start=opening):
        goes_on = word == "," and words[position + 1 : position + 2] == ["and"]
        paired = _PAIRS.intersection(pairwise(words[position - 1 : position + 2]))
        if not (goes_on or paired or word in _WORDS or (word in proposal_words and word.isalpha())):
            return position
    return len(words)


def _may_end_before(following: list[str]) -> bool:
    """Whether a question may end where these words follow: "the address, so I can find it", "for our records"."""
    return following[0] in _CLOSING or tuple(following) in _PURPOSES


def _asks_place_or_time(question: str) -> bool:
    if _ANOTHER_REQUEST.search(question):
        return False
    return bool(not _PLACE.isdisjoint(question.split()) or _ASKS_WHEN.search(question) or _ASKS_TIME.search(question))
