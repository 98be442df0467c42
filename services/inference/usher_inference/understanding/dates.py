"""Days and spans of days named in everyday English, resolved against today."""

import re
from datetime import date

from usher_inference.understanding.day_rules import RULES
from usher_inference.understanding.day_spans import day_of_month, month_and_day
from usher_inference.understanding.day_words import LATE_ORDINAL_WORD, NTH, ORDINAL_WORD, WEEKDAY
from usher_inference.understanding.model import DateMention
from usher_inference.understanding.passage import Passage

_MOST_CHOICES = 10  # "the 22nd" is a day even where a list was read out

# "the 2nd" may also be a choice ("the 2nd one"); a following noun settles it.
_BARE_NTH = re.compile(
    rf"(?:\b(?:on|for|by)\s+the\s+(?P<on>[0-3]?\d\s?(?:st|nd|rd|th)|{ORDINAL_WORD})\b|"
    rf"\bthe\s+(?P<late>{LATE_ORDINAL_WORD})\b|"
    r"\b(?P<day>[0-3]?\d\s?(?:st|nd|rd|th))\b)"
    r"(?!\s+(?:one|option|choice|row|rows|level|floor|section|pair|game|show|set|half|street|st|avenue|ave|"
    r"time|deck|base|tier|event|result|pick|from|seat|ticket|anniversary|birthday))"
)
# "Saturday, not Friday": the day turned down.
_REFUSED = re.compile(
    r"\b(?:not|(?:any|every)\s?(?:day|date|night|thing|one)\s+(?:but|except)|instead of|rather than|except|but not|"
    r"can't do|cannot do|can't make|no)\s+"
    r"(?:on\s+|for\s+|a\s+|the\s+)*$"
)
_ANY_DATE = re.compile(
    r"\bany\s?(?:day|date|time)\b(?!\s+(?:before|after|between|from))|\bwhenever\b|"
    r"\b(?:doesn'?t|does not|don'?t|do not)\s+(?:really\s+)?(?:matter|care|mind)\s+(?:about\s+|"
    r"on\s+)?(?:when|(?:what|which|the|any)\s+(?:\w+\s+)?(?:days?|dates?|time))\b|"
    r"\b(?:dates?|day|when)\s+(?:really\s+)?(?:doesn'?t|does not|don'?t|do not|is not|"
    r"isn'?t)\s+(?:really\s+)?(?:matter|important)|"
    r"\bflexible\s+(?:on|with|about|as to)\s+(?:the\s+|my\s+|what\s+|which\s+)?(?:dates?|days?|when)|"
    r"\b(?:my\s+)?dates?\s+(?:are|is)\s+(?:open|flexible)|\bopen to any\b|"
    r"\b(?:no|not|don'?t|without|n't)\s+(?:\w+\s+){0,3}?(?:date|day)s?\s+(?:preferences?|in mind)|"
    r"\b(?:no|not|don'?t|without|n't)\s+(?:\w+\s+){0,3}?(?:preferences?|particular|specific|"
    r"prefer)\s+(?:\w+\s+){0,3}?(?:dates?|days?|when)\b"
)


def read_dates(passage: Passage, today: date, *, choosing: bool = False) -> tuple[DateMention, ...]:
    """Claim every day or span named, in the order they stand. `choosing`: options were just offered by number, so
    a bare "the 2nd" is a choice and left alone, though "on the 2nd" is a day."""
    found: list[tuple[int, DateMention]] = []
    for pattern, resolve in RULES:
        for match in pattern.finditer(passage.open):
            span = resolve(match, today)
            if span is None and resolve is month_and_day:
                passage.claim(*match.span())  # "February 30th" is no day, and no month either
            _keep(passage, match, span, found)
    for match in _BARE_NTH.finditer(passage.open):
        day = re.sub(r"\D", "", match["day"] or "")
        if match["on"] or match["late"] or not choosing or (day and int(day) > _MOST_CHOICES):
            named = re.sub(r"(?<=\d)\s", "", match["day"] or match["on"] or match["late"])
            bare = re.match(rf"{NTH}", named)
            if bare:
                _keep(passage, match, day_of_month(bare, today), found)
    mentions = [mention for _, mention in sorted(found, key=lambda item: item[0])]
    return tuple(mention for mention in mentions if not _is_weekday_of_another(mention, mentions))


def _is_weekday_of_another(mention: DateMention, mentions: list[DateMention]) -> bool:
    """ "Saturday, March 9th": the weekday only repeats the day of the month."""
    if not re.fullmatch(rf"(?:the )?{WEEKDAY}", mention.surface.lower()):
        return False
    return any(
        other is not mention
        and other.is_single_day
        and re.search(r"\d", other.surface)
        and other.start.weekday() == mention.start.weekday()
        for other in mentions
    )


def _keep(
    passage: Passage, match: re.Match[str], span: tuple[date, date] | None, found: list[tuple[int, DateMention]]
) -> None:
    if span is None or "¦" in passage.open[match.start() : match.end()]:
        return
    if _REFUSED.search(passage.low[: match.start()]):
        passage.claim(*match.span())
        return
    words = re.sub(r"^(?:on|for|from|by|in|during|of)\s+", "", passage.surface(*match.span()).strip(), flags=re.I)
    # The same day said twice over ("Saturday, March 2nd") stays one mention.
    if span not in [(mention.start, mention.end) for _, mention in found]:
        found.append((match.start(), DateMention(*span, surface=words)))
    passage.claim(*match.span())


def says_any_date(passage: Passage) -> bool:
    """Whether the customer leaves the day open ("any day works")."""
    return _ANY_DATE.search(passage.low) is not None
