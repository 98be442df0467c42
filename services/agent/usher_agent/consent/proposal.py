"""Reading the facts of a proposal: out of its stated text, and into the form that replies are verified against."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

from usher_agent.consent import numbers
from usher_agent.consent.model import ProposalContext
from usher_agent.consent.text import normalise, word_set

TICKET_WORDS = word_set("ticket tickets seat seats people person persons")
PLACE_LABELS = word_set("row section sec block seat seats gate level zone box")
_DAY_WORDS = frozenset((*numbers.WEEKDAYS, "today", "tonight", "tomorrow", "next", "week", "after", "day"))
# Words that change or doubt a proposal restate nothing, not even where an event is named with them.
_NEVER_FACTS = word_set(
    "no not never none nothing without but if unless except instead rather or otherwise other another different "
    "else change changed switch swap move cancel stop wait hold maybe perhaps actually more less fewer extra also "
    "plus add upgrade upgraded exchange return credit insurance protection parking again later cheaper better "
    "refund before until i you we shall should do yes confirm a an is it to your my"
)
# Words in capitals; one that opens a sentence only where another follows it.
_PROPER_NAME = re.compile(r"(?:(?<![.!?:] )(?<!^)|(?=\S+ (?:[A-Z]|[Vv]s\b)))\b[A-Z][\w'-]*|\b[Vv]s\b")
_QUANTITY = re.compile(
    rf"\b(\d+|a|an|{'|'.join(numbers.WORDS)}) (?:[a-z'-]+ ){{0,2}}?(?:tickets?|seats?|people|persons?)\b"
)
_TOTAL = re.compile(r"\btotal\b[^$€£.!?]{0,30}([$€£]\d[\d,]*(?:\.\d+)?)|([$€£]\d[\d,]*(?:\.\d+)?)(?: in)? total\b")
_MONEY = re.compile(r"[$€£]\d[\d,]*(?:\.\d+)?")
_ISO_DATE = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_SEAT_LABEL = re.compile(rf"\b(?:{'|'.join(sorted(PLACE_LABELS))}) (?:[a-z]|\d+[a-z]?|[a-z]\d+)(?= |$)")


@dataclass(frozen=True)
class Facts:
    """The proposal's facts as a reply may restate them; empty fields can not be restated."""

    quantity: int | None
    total: Decimal | None
    currency: str
    words: frozenset[str]
    days: frozenset[int]
    months: frozenset[str]
    times: frozenset[tuple[int, int]]
    seat_labels: frozenset[tuple[str, str]]


def read_proposal(text: str) -> ProposalContext:
    """Derive the context from a proposal as it was stated to the customer.

    A quantity or total is taken only where the text names exactly one.
    """
    plain = normalise(text)
    quantities = {1 if found in ("a", "an") else numbers.read_count(found) for found in _QUANTITY.findall(plain)}
    totals = {first or second for first, second in _TOTAL.findall(plain)} or set(_MONEY.findall(plain))
    times = [token for token in plain.split() if numbers.read_time(token)]
    return ProposalContext(
        quantity=quantities.pop() if len(quantities) == 1 else None,
        total=totals.pop() if len(totals) == 1 else None,
        date=" ".join(_date_tokens(text, plain)) or None,
        time=" ".join(times) or None,
        section=" ".join(_SEAT_LABEL.findall(plain)) or None,
        names=tuple(dict.fromkeys(_PROPER_NAME.findall(text))),
    )


def collect_facts(proposal: ProposalContext) -> Facts:
    """Return the proposal's facts in the form replies are verified against."""
    when = normalise(_spell_iso_dates(proposal.date or ""))
    texts = (proposal.event, proposal.venue, proposal.city, proposal.section, *proposal.names)
    named = {word for text in texts if text for word in normalise(text).split()}
    tokens = when.split()
    months = {month for token in tokens if (month := numbers.read_month(token))}
    dated = {token for token in tokens if token in _DAY_WORDS} | months
    seats = normalise(proposal.section or "").split()
    return Facts(
        quantity=proposal.quantity,
        total=numbers.read_amount(normalise(proposal.total or "")),
        currency=(proposal.total or "").strip()[:1],
        words=frozenset(word for word in named | dated if word[0].isalnum() and word not in _NEVER_FACTS),
        days=frozenset(_days(tokens)),
        months=frozenset(months),
        times=frozenset(time for token in normalise(proposal.time or "").split() if (time := numbers.read_time(token))),
        seat_labels=frozenset((noun, label) for noun, label in pairwise(seats) if noun in PLACE_LABELS),
    )


def _date_tokens(text: str, plain: str) -> list[str]:
    iso = _ISO_DATE.search(text)
    found = [iso.group()] if iso else []
    tokens = plain.split()
    for before, token in pairwise(["", *tokens]):
        month_day = numbers.read_month(before) is not None and token.isdigit()
        # "may" is a month only beside a day, and a verb otherwise.
        is_month = numbers.read_month(token) is not None and token not in ("may", "mar", "sun")
        if token in _DAY_WORDS or numbers.read_ordinal(token) or is_month or month_day:
            found.append(token)
    return found


def _spell_iso_dates(text: str) -> str:
    def spell(found: re.Match[str]) -> str:
        try:
            day = date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            return ""
        return f"{numbers.WEEKDAYS[day.weekday()]} {numbers.MONTHS[day.month - 1]} {day.day}"

    return _ISO_DATE.sub(spell, text)


def _days(tokens: list[str]) -> set[int]:
    days = {day for token in tokens if (day := numbers.read_ordinal(token))}
    for before, token in pairwise(tokens):
        if numbers.read_month(before) and token.isdigit():
            days.add(int(token))
        if before.isdigit() and numbers.read_month(token):
            days.add(int(before))
    return days
