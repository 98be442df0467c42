"""The kind of event spoken of."""

import re

from usher_inference.understanding.model import Category
from usher_inference.understanding.passage import Passage

_WORDS: tuple[tuple[Category, str], ...] = (
    (Category.OPERA, r"operas?|la traviata|aria"),
    (Category.DANCE, r"ballets?|dance (?:show|performance|recital)s?|nutcracker"),
    (Category.COMEDY, r"comedy|comedians?|stand[- ]?up|improv|comic"),
    (
        Category.FAMILY,
        r"circus|disney on ice|kids'? (?:show|event)s?|family (?:show|event|friendly)s?|children'?s (?:show|"
        r"theat)\w*|monster trucks?|magic show",
    ),
    (Category.FESTIVAL, r"festivals?|fest"),
    (Category.THEATRE, r"theat(?:er|re)s?|musicals?|broadway|plays?(?= (?:at|in|on|tonight)|s\b)|drama|stage play"),
    (
        Category.SPORTS,
        r"sports?|sporty|sporting|games?|match(?:es)?|basketball|baseball|football|foot(?:ie|y)|soccer|hockey|tennis|"
        r"cricket|rugby|"
        r"boxing|ufc|mma|wrestling|wwe|nba|nfl|nhl|mlb|mls|wnba|volleyball|golf|racing|nascar|lacrosse|"
        r"softball|ball ?game|derby|playoffs?|finals",
    ),
    (
        Category.MUSIC,
        r"music(?:al)? (?:event|show|concert)s?|music|concerts?|gigs?|rock|pop|jazz|blues|country music|"
        r"hip[- ]?hop|rap|indie|edm|electronica|electronic|metal|punk|folk|reggae|r&b|soul|classical|symphony|"
        r"orchestra concert|philharmonic|techno|singer|band|dj|recital|k-?pop|latin music|gospel",
    ),
)
_PATTERNS = tuple((category, re.compile(rf"\b(?:{words})\b")) for category, words in _WORDS)


def read_category(passage: Passage) -> Category | None:
    """The first kind named among the open words, from the narrow kinds to the broad ones; claims nothing."""
    text = re.sub(r"\b(?:front|rear|side) orchestra|orchestra (?:seats?|section|level)\b", " ", passage.open)
    return next((category for category, pattern in _PATTERNS if pattern.search(text)), None)
