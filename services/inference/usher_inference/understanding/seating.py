"""Where to sit: sections, rows, seats, and the wishes that go with them (together, aisle, accessible)."""

import re
from collections.abc import Sequence

from usher_inference.understanding.cities import LAST_WORDS
from usher_inference.understanding.lexicon import word_list
from usher_inference.understanding.passage import MASK, Passage

_SEAT_ID = re.compile(r"(?<![\w-])(?!20\d\d-\d\d-\d\d)(?P<id>[a-z0-9]{1,6}-[a-z0-9]{1,4}-\d{1,4})(?![\w-])")
_ORDER_ID = re.compile(r"\b(?:ord[_-][a-z0-9_-]+)\b")
_HOLD_ID = re.compile(r"\b(?:hold[_-][a-z0-9_-]+)\b")
_CODE = r"(?:[a-z]{1,2}\d{0,3}|\d{1,3}[a-z]?)"
_SECTION = re.compile(
    rf"\b(?:section|sections|sect?|sctn|block)\b\.?\s*(?:#|no\.?|number|is)?\s*(?P<code>{_CODE}|[a-z]+)\b"
    r"(?<!section for)(?<!section in)"
)
# "two for the game in 206": three figures that count nothing.
_IN_NUMBER = re.compile(r"\bin\s+(?P<code>[1-9]\d\d)\b(?=\s*(?:$|[.,;!?¦)]|please|and\b|for\b|if\b))")
# "in P": one letter counts as a section only in capitals, which `open` has lost.
_IN_LETTER = re.compile(r"\bin\s+(?P<code>[A-Z]\d{0,2})\b(?=\s*(?:$|[.,;!?)]|please\b|and\b|for\b|if\b))")
# "standing", "we want to stand", "on the pitch"; no "Still Standing", no "stand-up".
_STANDING = re.compile(
    r"(?<!still )(?<!man )(?<!long )(?<!-)\bstanding\b(?! (?:ovation|by|order|in line))|"
    r"\b(?:want(?:ed)?|like|love|prefer|rather|happy|going|gonna|we'?ll|i'?ll)(?: to)? stand\b"
    r"(?![- ]?(?:up|by|in|out|for|it|them|that|this)\b)|"
    r"\b(?P<pitch>(?:on|in|at) the pitch|pitch(?= (?:tickets?|seats?|places?)\b))"
)
_NOT_TO = re.compile(r"\b(?:not|no|never|can'?t|cannot|won'?t|don'?t|do not)\s+(?:\w+\s+)?$|\brather not\s+$")
_REFUSED = re.compile(
    r"\b(?:not|(?:any\w*|every\w*|all) but|except|avoid|besides|instead of|rather than|no)\s+"
    r"(?:for\s+|in\s+)?(?:the\s+|any\s+)?$"
)
_REFUSES = re.compile(r"\b(?:not|no|never|but|except|avoid|besides|instead|rather|can'?t|cannot|won'?t|don'?t)\b")
_ANSWERED = re.compile(
    r"(?:^|\b(?:take|want|prefer|like|do|with|for|in|choose|pick)\s+)(?P<code>[a-z]{1,2}\d{0,2}|"
    r"\d{3})(?=\s*(?:$|[.,!¦]|please|for\b|then\b))"
)
_ROW = re.compile(rf"\b(?:rows?)\b\s*(?:#|no\.?|number)?\s*(?P<code>{_CODE})\b")
_SEATS = re.compile(
    r"\b(?:seats?|seat numbers?)\b\s*(?:#|no\.?|numbers?|ids?)?\s*(?P<list>\d{1,3}(?:\s*(?:,|and|&|-|to|"
    r"through|\+)+\s*(?:seats?\s*)?\d{1,3})*)(?![\d$])"
)
_NTH_ROW = re.compile(r"\b(?P<nth>front|first|second|third|1st|2nd|3rd)\s+(?:\w+\s+)?rows?\b")
_NO_SECTION = frozenset(
    word_list(
        "as like that than same a an the in is on or and for with at to by of do does that which what near close "
        "closest next my i it "
        "we you are "
        "please tickets seats maps map number there"
    )
)
# Names that houses commonly give their parts; the catalogue's own come first.
_NAMED = (
    "lower bowl",
    "upper bowl",
    "lower level",
    "upper level",
    "upper deck",
    "lower deck",
    "lower tier",
    "upper tier",
    "club level",
    "front mezzanine",
    "rear mezzanine",
    "mezzanine",
    "mezz",
    "orchestra",
    "balcony",
    "front orchestra",
    "dress circle",
    "grand tier",
    "parterre",
    "stalls",
    "loge",
    "floor",
    "floor standing",
    "pitch standing",
    "standing room",
    "pit",
    "lawn",
    "terrace",
    "general admission",
    "ga",
    "vip",
    "box seats",
    "bleachers",
    "gallery",
    "grandstand",
    "field level",
    "courtside",
    "ringside",
    "field box",
)
_NAMED_PARTS = {
    name: re.compile(rf"\b(?:the\s+)?{re.escape(name)}(?:\s+(?:level|section))?\b")
    for name in sorted(_NAMED, key=len, reverse=True)
}
_TOGETHER = re.compile(
    r"\b(?:together|(?:next|close) to (?:each other|one another|eachother)|side[- ]by[- ]side|adjacent|"
    r"adjoining|in a row|same row|consecutive|beside each other|not split(?: up)?|don'?t split)\b"
)
_APART = re.compile(
    r"\b(?:(?:don'?t|do not|doesn'?t|does not|needn'?t|no need)\s+(?:\w+\s+){0,4}(?:together|"
    r"next to each other|adjacent|side by side)|"
    r"apart|separate(?:ly| seats)|split (?:us |them )?up|not (?:necessarily )?together|ok(?:ay)? (?:with|"
    r"to) (?:be )?(?:split|separate)|scattered|can be split|singles? (?:seats? )?(?:is|are) (?:fine|ok)|"
    r"together\s+(?:doesn'?t|does not|isn'?t|is not)\s+\w+|(?:fine|ok(?:ay)?) (?:not )?(?:sitting|"
    r"being) (?:apart|separate(?:ly)?))\b"
)
_ALTOGETHER = re.compile(
    r"(?:[$€£]\s?\d+|\b\d{3,}|\d+ (?:dollars|bucks|euros|pounds|quid)) all together\b|\bput together\b|"
    r"\bget together\b|\bgo together\b"
)
_NO_AISLE = re.compile(r"\b(?:no|not|without|don'?t want|avoid|away from)\s+(?:an?\s+|the\s+|on\s+|any\s+)*aisle")
_AISLE = re.compile(r"\baisles?\b|\bend (?:of (?:the|a) row|seats?)\b|\bon the end\b")
# "Atlanta, GA": the state, not general admission.
_CITY_WORD = "|".join(sorted(LAST_WORDS, key=len, reverse=True))
_AFTER_CITY = re.compile(
    rf"(?:\b(?:{_CITY_WORD})|(?:\b(?:[Ii]n|[Nn]ear|[Aa]round|[Ff]rom) |^)[A-Z][a-z]+(?: [A-Z][a-z]+)?,)\s*,?\s*$"
)
_NOT_ACCESSIBLE = re.compile(
    r"\b(?:no|not|don'?t need|without|no need for)\s+(?:an?\s+|any\s+)?(?:wheel\s?chair|accessible|disabled|"
    r"accessibility)"
)
_ACCESSIBLE = re.compile(
    r"\b(?:wheel\s?chairs?|accessible|accessibility|ada\b|disabled|disability|mobility|handicap(?:ped)?|"
    r"can'?t (?:do|climb|use|manage) (?:the )?stairs|no stairs|step[- ]free|companion seat|crutches|walker|"
    r"hard of hearing|hearing loop)\b"
)


def read_ids(passage: Passage) -> tuple[str | None, str | None, tuple[str, ...]]:
    """Claim an order id, a hold id and full seat ids, each in upper case as the box office writes them."""
    order = passage.take(_ORDER_ID)
    hold = passage.take(_HOLD_ID)
    seats = list(_SEAT_ID.finditer(passage.open))
    passage.claim_all(match.span() for match in seats)
    return (
        passage.surface(*order.span()) if order else None,
        passage.surface(*hold.span()) if hold else None,
        tuple(match["id"].upper() for match in seats),
    )


def read_section(passage: Passage, names: Sequence[str], *, asked: bool = False) -> str | None:
    """Claim a section: one of the catalogue's names, "section 102", or a common name such as "balcony"; `asked`: the
    assistant has just spoken of sections, so a bare code that the catalogue knows is one."""
    for name in sorted(names, key=len, reverse=True):
        # A one-letter or bare-number name says nothing unless called a section.
        if len(name) > 2 and not name.isdigit():
            match = passage.take(re.compile(rf"\b{re.escape(name.lower())}\b"))
            if match and not _turned_down(passage, match):
                return name
    lettered = (m for m in _IN_LETTER.finditer(passage.text) if MASK not in passage.open[m.start() : m.end()])
    for match in (*_SECTION.finditer(passage.open), *_IN_NUMBER.finditer(passage.open), *lettered):
        code = match["code"].lower()
        alone = re.match(r"\s*(?:$|[.,;!?¦])", passage.open[match.end() :]) is not None
        if (code not in _NO_SECTION or (alone and code == "a")) and (re.fullmatch(_CODE, code) or code in _NAMED):
            passage.claim(*match.span())
            if _turned_down(passage, match):
                continue
            exact = next((name for name in names if name.lower() == code), None)
            return exact or (code.upper() if len(code) <= 4 else code)
    answered = _ANSWERED.search(passage.open) if asked else None
    known = next((name for name in names if answered and name.lower() == answered["code"]), None)
    if answered and known:
        passage.claim(*answered.span("code"))
        return known
    for name, pattern in _NAMED_PARTS.items():
        match = pattern.search(passage.open)
        if match and not (name == "ga" and _is_state(passage, match)):
            passage.claim(*match.span())
            if not _turned_down(passage, match):
                return name
    standing = _STANDING.search(passage.open)
    if standing and not _is_title(passage, standing) and not _stands_not(passage, standing):
        passage.claim(*standing.span())
        return "pitch" if standing["pitch"] else "standing"
    return None


def _is_state(passage: Passage, match: re.Match[str]) -> bool:
    before = passage.text[: match.start()]
    if passage.open[: match.start()].rstrip(" ,").endswith(MASK):
        return False  # the word before is an event's, say
    return _AFTER_CITY.search(before) is not None or _AFTER_CITY.search(before.lower()) is not None


def _is_title(passage: Passage, match: re.Match[str]) -> bool:
    """ "Standing" at the end of a name in capitals."""
    capital = passage.surface(*match.span())[0].isupper()
    return capital and re.search(r"\b[A-Z]\w*\s+$", passage.surface(0, match.start())) is not None


def _stands_not(passage: Passage, match: re.Match[str]) -> bool:
    """ "Not standing", "we can't stand"."""
    return _turned_down(passage, match) or _NOT_TO.search(passage.low[: match.start()]) is not None


def read_refused_section(passage: Passage, names: Sequence[str]) -> str | None:
    """The section that the customer does not want: a name of the catalogue's or a common one, or a code."""
    if not _REFUSES.search(passage.low):
        return None
    for name in sorted((*names, *_NAMED), key=len, reverse=True):
        if len(name) > 2 and not name.isdigit():
            match = re.search(rf"\b{re.escape(name.lower())}\b", passage.low)
            if match and _turned_down(passage, match):
                return name
    standing = _STANDING.search(passage.low)
    if standing and not standing["pitch"] and not _is_title(passage, standing) and _stands_not(passage, standing):
        return "standing"
    coded = next((match for match in _SECTION.finditer(passage.low) if _turned_down(passage, match)), None)
    return coded["code"].upper() if coded and re.fullmatch(_CODE, coded["code"]) else None


def _turned_down(passage: Passage, match: re.Match[str]) -> bool:
    """ "Not the balcony", "anything but the balcony"."""
    return _REFUSED.search(passage.low[: match.start()]) is not None


def read_row_and_seats(passage: Passage) -> tuple[str | None, tuple[str, ...]]:
    """Claim "row 4" and "seats 12 and 13" (or "12-14"); rows and seats keep the house's own writing, in upper case."""
    row = passage.take(_ROW)
    seats = _SEATS.search(passage.open)
    numbers: tuple[str, ...] = ()
    if seats:
        passage.claim(*seats.span())
        numbers = _expand(seats["list"])
    if row is None:
        nth = passage.take(_NTH_ROW)
        return (None if nth is None else {"s": "2", "2": "2", "t": "3", "3": "3"}.get(nth["nth"][0], "1")), numbers
    return row["code"].upper(), numbers


def _expand(listed: str) -> tuple[str, ...]:
    span = re.fullmatch(r"(\d+)\s*(?:-|to|through)\s*(\d+)", listed.strip())
    if span and 0 < int(span[2]) - int(span[1]) < 20:
        return tuple(str(number) for number in range(int(span[1]), int(span[2]) + 1))
    return tuple(re.findall(r"\d+", listed))


def read_adjacent(passage: Passage, *, asked: bool = False) -> bool | None:
    """True for "together", False for "can be split"; `asked`: the assistant just asked, so "doesn't matter" answers."""
    text = _ALTOGETHER.sub(" ", passage.low)
    if _APART.search(text):
        return False
    if _TOGETHER.search(text):
        return True
    if asked and re.search(
        r"\b(?:doesn'?t matter|does not matter|don'?t (?:care|mind)|either way|no preference|whatever)\b", text
    ):
        return False
    return None


def read_aisle(passage: Passage) -> bool | None:
    """Whether an aisle seat is wished for (False: expressly not)."""
    if _NO_AISLE.search(passage.low):
        return False
    return True if _AISLE.search(passage.low) else None


def read_accessible(passage: Passage) -> bool | None:
    """True when accessible seating is spoken of."""
    if _NOT_ACCESSIBLE.search(passage.low):
        return None
    return True if _ACCESSIBLE.search(passage.low) else None
