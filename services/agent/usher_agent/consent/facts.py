"""Restated facts: a stretch of a reply that repeats what the proposal says, each number checked in its role."""

from usher_agent.consent import numbers
from usher_agent.consent.phrases import Kind, Part
from usher_agent.consent.proposal import PLACE_LABELS, TICKET_WORDS, Facts
from usher_agent.consent.text import word_set

_LINKS = word_set(
    "for at in on to see of the and total altogether just only with show concert event game match gig performance"
)
_BEFORE_TICKETS = _LINKS | word_set("a both pair those these buy book get purchase order")
_COMPANIONS = word_set("me my myself our us")
_RELATIVE_DAYS = frozenset(("today", "tonight", "tomorrow"))
_CURRENCIES = {"dollars": "$", "dollar": "$", "bucks": "$", "usd": "$", "euros": "€", "eur": "€", "pounds": "£"}


def match_facts(text: str, start: int, facts: Facts) -> Part | None:
    """Return the longest stretch at `start` that only restates `facts`, or None where there is none."""
    tokens = text[start:].split(" ")
    before = text[:start].rsplit(" ", 2)[-2] if start else ""
    position, restates, end = 0, False, start
    while position < len(tokens):
        previous = tokens[position - 1] if position else before
        used = _verified(tokens[position:], previous, facts)
        restates = restates or used > 0
        if not used and tokens[position] in _LINKS and not _names_companions(tokens[position:]):
            used = 1
        if not used:
            break
        end += sum(len(token) + 1 for token in tokens[position : position + used])
        position += used
    return Part(Kind.FACT, end - 1) if restates else None


def _names_companions(tokens: list[str]) -> bool:
    return tokens[0] == "for" and tokens[1:2] != [] and tokens[1] in _COMPANIONS


def _verified(tokens: list[str], previous: str, facts: Facts) -> int:
    """Return how many leading tokens restate one fact truly; 0 where they restate none."""
    token = tokens[0]
    following = tokens[1] if len(tokens) > 1 else ""
    if token in PLACE_LABELS and following[:1].isalnum() and (token, following) in facts.seat_labels:
        return 2
    if token in TICKET_WORDS:
        # "the tickets", "two tickets"; but "great seats" is a remark
        counted = facts.quantity is not None and numbers.read_count(previous) == facts.quantity
        return int(previous in _BEFORE_TICKETS or counted)
    if token in ("them", "those", "these"):
        return int(previous == "of")
    if token[0] in "$€£":
        return int(numbers.read_amount(token) == facts.total and token[0] == facts.currency)
    if used := _verified_date(tokens, facts):
        return used
    if time := numbers.read_time(token):
        hours = {time} if token.endswith("m") else {time, (time[0] + 12, time[1])}  # "7:30" in the evening
        return int(not hours.isdisjoint(facts.times))
    if _is_quantity(token, following):
        return _verified_number(tokens, previous, facts)
    return int(_is_known_word(token, previous, following, facts))


def _verified_date(tokens: list[str], facts: Facts) -> int:
    """Verify "March 8", "8 March", "the 8th of March" or "8th"."""
    first, second, third = [*tokens, "", ""][:3]
    if numbers.read_month(first):
        return 2 if numbers.read_month(first) in facts.months and _read_day(second) in facts.days else 0
    month_after = numbers.read_month(third if second == "of" else second)
    if _read_day(first) not in facts.days or not (month_after or numbers.read_ordinal(first)):
        return 0
    if month_after is None:
        return 1
    return (3 if second == "of" else 2) if month_after in facts.months else 0


def _read_day(token: str) -> int | None:
    return int(token) if token.isascii() and token.isdigit() else numbers.read_ordinal(token)


def _is_quantity(token: str, following: str) -> bool:
    if token in ("a", "an"):
        return following in TICKET_WORDS or following in ("pair", "couple")
    return token in ("both", "pair") or numbers.read_amount(token) is not None or token in numbers.WORDS


def _verified_number(tokens: list[str], previous: str, facts: Facts) -> int:
    token, following = tokens[0], (*tokens, "")[1]
    # "and 2 tickets" may ask for two more; "row 2", "March 2" and "at 2" are no counts
    if previous in ("and", "plus") or previous in PLACE_LABELS:
        return 0
    if numbers.read_month(previous) or numbers.read_month(following):
        return 0
    if following in _CURRENCIES:
        same = numbers.read_amount(token) == facts.total and _CURRENCIES[following] == facts.currency
        return 2 if same else 0
    if token == "both" or following == "pair":  # noqa: S105 - a word of the reply
        return (2 if following == "pair" else 1) if facts.quantity == 2 else 0
    count = 1 if token in ("a", "an") else numbers.read_count(token)
    if facts.quantity is not None and count == facts.quantity and previous not in ("at", "on", "in"):
        return 1
    return int(following not in TICKET_WORDS and facts.total is not None and numbers.read_amount(token) == facts.total)


def _is_known_word(token: str, previous: str, following: str, facts: Facts) -> bool:
    if token not in facts.words or token in PLACE_LABELS:
        return False
    if token in _RELATIVE_DAYS:  # "buy them tomorrow" may put the purchase off
        return previous == "for"
    if token == "next":  # noqa: S105 - a word of the reply
        return following in (*numbers.WEEKDAYS, "week") and following in facts.words
    return True
