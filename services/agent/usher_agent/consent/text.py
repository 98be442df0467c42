"""Bringing a message into the plain form the grammar reads: lower case, contractions spelled out, single spaces
between tokens, and every mark of punctuation a token of its own."""

import re
import unicodedata

from usher_agent.consent.spelling import spell_slips

_INVISIBLE = re.compile("[\u200b-\u200d\u2060\ufe0e\ufe0f\U0001f3fb-\U0001f3ff]")
_STRETCHED = re.compile(r"([a-z])\1{2,}")
_MARKS = re.compile(r"[!?][!?\s]*")
_REWRITES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"[’‘`´]", "'"),
        ("…", "..."),
        (r"(?<=[a-z]);(?=(?:s|m|d|re|ll)\b)", "'"),
        (r"\byou'?r\b(?= (?:absolutely |totally )?(?:right|correct|reight))", "you are"),
        (r"\b(?:can'?t|cannot|can hardly)\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"\b(do|does|did|is|are|was|would|could|should|have|has)n'?t\b", r"\1 not"),
        (r"\bit's been\b", "it has been"),
        (r"\b(that|it|there|what|where|when|how)'s\b", r"\1 is"),
        (r"\b(that|what|where|when)s\b", r"\1 is"),
        (r"\bthat'?ll\b", "that will"),
        (r"\b(i|we|you|they|it|he|she)'ll\b", r"\1 will"),
        (r"\b(i|we|you|they|it|that)'d\b", r"\1 would"),
        (
            r"\b(?:my (?:wife|husband|partner|girlfriend|boyfriend|friend) and i|"
            r"me and my (?:wife|husband|partner|friend)|we both|both of us)"
            r"(?= (?:would|will|want|agree|accept|are|love)\b)",
            "we",
        ),
        (r"\bid (like|love)\b", r"i would \1"),
        (r"\b(we|you|they)'re\b", r"\1 are"),
        (r"\b(he|she)'s\b(?= (?:been|always|loved|wanted))", r"\1 has"),
        (r"\b(he|she)'s\b", r"\1 is"),
        (r"\b(i|we|you|they)'ve\b", r"\1 have"),
        (r"\bi'?m\b", "i am"),
        (
            r"\bits\b(?= (?:a|all|correct|right|good|great|fine|perfect|ok|okay|my|our|for|going|gonna|non|"
            r"nonrefundable|final)\b)",
            "it is",
        ),
        (r"\b(buy|book|get|grab|order|take) em\b", r"\1 them"),
        (r"^(yes,? |ok,? )?ill (?=(?:take|have|get)\b)", r"\1i will "),
        (r"\blet'?s\b", "let us"),
        (r"(?<!\w)'em\b", "them"),
        (r"\bma'?am\b", "madam"),
        (r"\bnon[- ]?refundable\b", "nonrefundable"),
        (r"(?<=[a-z])-(?=[a-z])", " "),
        (r"\b(that|this) (?:it|is it) (?=(?:all )?(?:right|correct|perfect|good|great|fine)\b)", r"\1 is "),
        (r"\b(?:the|thats|that's) (?=(?:sounds|looks)\b)", "that "),
        (r"\b(that|it) is (?=(?:sounds|looks|seems|works)\b)", r"\1 "),
        (r"^(yes|yeah|yep|yup)(,?) it it(?= ?(?:[.,!]|$))", r"\1\2 it is"),
        (r"\bwere is\b", "where is"),
        (r"\bthat goods\b", "that is good"),
        (r"\bgo ?a head\b|\bgoahead\b", "go ahead"),
        (r"\ban(?= (?:you can|you may|please|go ahead|book|buy)\b)", "and"),
        (r"\b(find|find out|tell (?:me|us)|know|confirm),(?= (?:when|where|what time)\b)", r"\1"),
        (r"\bo\.k\.?(?!\w)", "ok"),
        (r"\b([ap])\.m\b\.?", r"\1m"),
        (r"\b(\d{1,2})\.(\d\d)(?= ?[ap]m\b)", r"\1:\2"),
        (r"(\d) ([ap]m)\b", r"\1\2"),
        (r"\b(\d+) ?x (?=[a-z])", r"\1 "),
        (r"\bx ?(\d+)(?=$|[.,!])", r"\1"),
        (r"\bof+ ?co[au]rse\b", "of course"),
        (r"([$€£])\s+(?=\d)", r"\1"),
        (r"'s\b", ""),
        (r"s'(?!\w)", "s"),
        ("&", " and "),
    )
)
_SPELLINGS = spell_slips() | {
    misspelt: spelling
    for spelling, listed in {
        "that is": "dats",
        "that": "dat tht taht thta",
        "yes": "yse eys yess yesss ys yeas yeha yeahh",
        "please": "pleas pleae plz pls plss pls pleez pleasee",
        "thanks": "thanx thx thnx tnx thks",
        "address": "adress addess addres adres",
        "tell": "tel",
        "correct": "corect correc correctt corrcet",
        "perfect": "perfct prefect pefect",
        "right": "rite righ reight rigt",
        "ok": "okk",
        "tickets": "tix tikets tickests tickects tickts",
        "definitely": "definately definitly",
        "absolutely": "absolutly absolutley",
        "sounds": "souds sonds",
        "the": "teh",
        "it": "ti itt",
        "them": "thme thm tehm htem themm",
        "book": "bok boook boko bookk",
        "buy": "byu bui buyy",
        "ahead": "agead aheda ajead ahed haead",
        "sure": "suer shure sur",
        "you": "u yuo",
        "where": "wher whre",
        "what": "wat waht whta wht",
        "when": "wehn whn wen",
        "time": "tiem tmie",
        "start": "strat satrt",
        "starts": "strats satrts",
        "would": "woud wuold wud",
        "located": "loacted locatd",
    }.items()
    for misspelt in listed.split()
}
_TOKEN = re.compile(
    r"\d+:\d\d(?:[ap]m)?"  # a time
    r"|[$€£]?\d+(?:,\d{3})*(?:\.\d+)?[a-z]*"  # an amount, a count, 8th, 8pm
    r"|\w+(?:[-']\w+)*"
    r"|\.{2,}"
    r"|[^\w\s]"
)


def word_set(listed: str) -> frozenset[str]:
    """Return the words of a list written with spaces."""
    return frozenset(listed.split())


def normalise(message: str) -> str:
    """Return the message's tokens in lower case, joined by single spaces."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", message)).lower()
    text = _STRETCHED.sub(r"\1", text)
    for pattern, replacement in _REWRITES:
        text = pattern.sub(replacement, text)
    text = _MARKS.sub(lambda marks: " ? " if "?" in marks.group() else " ! ", text)
    return " ".join(_SPELLINGS.get(token, token) for token in _TOKEN.findall(text))
