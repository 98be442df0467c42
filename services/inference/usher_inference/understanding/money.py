"""Price limits: a seat, in total, or on top for an upgrade; all in minor units."""

import re
from dataclasses import dataclass

from usher_inference.understanding.numbers import COUNT, TENS, parse_count
from usher_inference.understanding.passage import Passage

_CURRENCY = r"(?:dollars?|bucks?|usd|euros?|eur|pounds?|gbp|quid)\b"
_AMOUNT = r"(?P<amount>\d{1,3}(?:,\d{3})+(?:\.\d\d)?|\d+(?:\.\d\d?)?)(?P<thousand>k\b)?"
_SIGNED = (
    rf"(?:(?:us\s?)?[$€£]\s?{_AMOUNT}(?:\s*{_CURRENCY})?|"
    rf"\b{_AMOUNT.replace('amount', 'amount2').replace('thousand', 'thousand2')}\s?(?:[$€£]|{_CURRENCY})|"
    rf"(?P<words>\b(?:{COUNT}(?:\s+hundred)?|a hundred|one hundred|two hundred))\s+{_CURRENCY})"
)
_PLAIN = (
    r"(?P<plain>\d{1,5}(?:\.\d\d)?)(?!\s*(?:%|tickets?|tix|seats?|people|persons?|of us|pm\b|am\b|o'clock|:\d|"
    r"minutes|hours|days|weeks|rows?|years?))\b"
)
_LIMIT = (
    r"(?:under|below|less than|no more than|not more than|not over|up to|upto|at most|max(?:imum)?(?:\s+of|\s+is)?|"
    r"cheaper than|nothing (?:over|above|more than)|no higher than|within|not exceeding|(?:don'?t|not|"
    r"no) (?:want to )?(?:go|pay|spend|"
    r"cost(?:ing)?)(?: any)? (?:over|above|more than)|"
    r"(?:spend|pay|afford)(?: up to| at most| about| around| only| no more than)?|budget(?:\s+(?:is|of|"
    r"around|about|under|up to|at|:))*|"
    r"keep it (?:under|below)|stay(?:ing)? (?:under|below|within)|for (?:around|about|like)|around|about|"
    r"roughly|<=?)\s*(?:a\s+)?"
)
_LEAST = r"(?:over|above|more than|at least|starting (?:at|from)|upwards? of|minimum(?:\s+of)?)\s*"
_EACH = (
    r"\b(?:each|apiece|a ?piece|per (?:ticket|seat|person|head)|a (?:ticket|seat|head|person|pop)|pp|"
    r"/\s?(?:ticket|seat|person|ea))\b"
)
_TOTAL = (
    r"\b(?:in total|total|altogether|all together|all[- ]in|overall|combined|for (?:both|all|the (?:lot|pair|"
    r"two|three|four|whole))(?: of (?:us|them))?|for everything|between (?:us|the (?:two|three|four|five) of us))\b"
)
_EXTRA = r"\b(?:more|extra|additional|on top|difference|additionally|per upgrade|for (?:the|an) upgrade)\b"

_SIGNED_LIMIT = re.compile(
    rf"(?P<lead>{_LIMIT})?{_SIGNED}(?:\s*(?:max(?:imum)?|or (?:less|under|below|cheaper|so)|tops|at most|"
    r"limit|budget))?"
)
_PLAIN_LIMIT = re.compile(rf"\b(?P<lead>{_LIMIT}){_PLAIN}(?:\s*(?:max(?:imum)?|or (?:less|under)|tops))?")
_WORDED_LIMIT = re.compile(
    rf"\b(?P<lead>{_LIMIT})(?P<words>(?:an?|one|two|three|four|five|six|seven|eight|nine)\s+hundred|"
    rf"(?:{'|'.join(TENS)}))\b"
    r"(?!\s*(?:tickets?|seats?|people|of us|minutes|years))"
)
_PLAIN_TAIL = re.compile(rf"(?<![\d:/.#-])\b{_PLAIN}\s*(?:max(?:imum)?\b|or (?:less|under)\b|tops\b|budget\b)")
_PLAIN_EACH = re.compile(rf"(?<![\d:/.#-])\b{_PLAIN}\s*(?:{_EACH})")
_ROUND = re.compile(
    r"(?<![\d:/.#-])\b(?P<plain>\d{2,5})\s?-?ish\b(?=.*\b(?:total|altogether|each|per|budget|both|spend|max)\b)|"
    r"\b(?:have|got|with) (?:about |around )?(?P<plain2>\d{2,5}) to spend\b"
)
_RANGE = re.compile(
    r"\bbetween\s+\$?(?P<low>\d+(?:\.\d\d)?)\s*(?:and|-|to)\s*\$?(?P<high>\d+(?:\.\d\d)?)|"
    r"\$(?P<low2>\d+)\s*(?:-|to)\s*\$?(?P<high2>\d+)"
    rf"(?:\s*{_CURRENCY})?"
)
_MINIMUM = re.compile(rf"\b(?<!no )(?<!not )(?<!n't )(?<!any ){_LEAST}{_SIGNED}")
_MONEY_AT_ALL = re.compile(r"[$€£]|\b(?:upgrade|price|budget|cost|spend|pay|afford|cheap)")


@dataclass(frozen=True)
class PriceLimits:
    """Limits in minor units; None where none was named."""

    each: int | None = None
    total: int | None = None
    delta: int | None = None
    delta_per_seat: bool = False
    least_each: int | None = None


def _minor(match: re.Match[str]) -> int | None:
    groups = match.groupdict()
    digits = groups.get("amount") or groups.get("amount2") or groups.get("plain") or groups.get("plain2")
    if digits:
        thousand = groups.get("thousand") or groups.get("thousand2")
        return round(float(digits.replace(",", "")) * 100) * (1000 if thousand else 1)
    words = (groups.get("words") or "").strip()
    hundred = words.endswith("hundred")
    words = words.removesuffix("hundred").strip()
    count = 1 if words in ("a", "an", "") else parse_count(words)
    return None if count is None else count * (10_000 if hundred else 100)


def read_prices(passage: Passage, *, upgrading: bool = False, asked_budget: bool = False) -> PriceLimits:
    """Claim the amounts of money. `upgrading`: the talk is of an upgrade, so a bare limit is on the difference;
    `asked_budget`: the assistant has just asked for a limit, so a bare amount is one."""
    span = _RANGE.search(passage.open)
    if span:
        passage.claim(*span.span())
        low, high = span["low"] or span["low2"], span["high"] or span["high2"]
        return PriceLimits(each=round(float(high) * 100), least_each=round(float(low) * 100))
    least = _MINIMUM.search(passage.open)
    if least:
        passage.claim(*least.span())
        return PriceLimits(least_each=_minor(least))
    patterns = [_ROUND, _SIGNED_LIMIT, _PLAIN_LIMIT, _WORDED_LIMIT, _PLAIN_TAIL, _PLAIN_EACH]
    if asked_budget:
        patterns.append(re.compile(rf"\b{_PLAIN}"))
    for pattern in patterns:
        match = pattern.search(passage.open)
        if match and _is_money(pattern, match, passage, upgrading):
            minor = _minor(match)
            tail = passage.open[match.end() : match.end() + 30]
            lead = match.groupdict().get("lead") or ""
            passage.claim(*match.span())
            return _limits(minor, lead, match.group() + tail, passage, upgrading)
    return PriceLimits()


def _is_money(pattern: re.Pattern[str], match: re.Match[str], passage: Passage, upgrading: bool) -> bool:
    """ "around 7" and "about 4" are no prices unless the sentence speaks of money; "under 80" is one."""
    lead = (match.groupdict().get("lead") or "").strip()
    loose = pattern in (_PLAIN_LIMIT, _WORDED_LIMIT) and re.fullmatch(
        r"(?:for )?(?:around|about|roughly|like|within|up to|upto|at most|max|maximum)\b.*", lead
    )
    if not loose:
        return True
    if pattern is _WORDED_LIMIT:
        return (
            _MONEY_AT_ALL.search(passage.low) is not None
            or re.match(rf"\s*{_EACH}", passage.open[match.end() :]) is not None
        )
    amount = float(match["plain"])
    return amount >= 15 and (upgrading or amount >= 20 or _MONEY_AT_ALL.search(passage.low) is not None)


def _limits(minor: int | None, lead: str, around: str, passage: Passage, upgrading: bool) -> PriceLimits:
    # "no more than 50" holds the word "more" itself; only a later one speaks of a difference.
    after = around[len(lead) :]
    per_seat = re.search(_EACH, after) is not None
    if re.search(_EXTRA, after) or (upgrading and not per_seat and not re.search(_TOTAL, after)):
        return PriceLimits(delta=minor, delta_per_seat=per_seat)
    if per_seat:
        return PriceLimits(each=minor)
    if re.search(_TOTAL, after) or re.search(r"\b(?:budget|in total|altogether|spend)\b", passage.low):
        return PriceLimits(total=minor)
    return PriceLimits(each=minor)
