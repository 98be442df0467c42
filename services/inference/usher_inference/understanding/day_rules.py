"""The ways of naming a day, each a pattern with what it stands for."""

import re

from usher_inference.understanding import day_spans as spans
from usher_inference.understanding.day_words import (
    BARE_MONTH,
    BEFORE_DAY,
    DAY_NUMBER,
    MONTH,
    MONTH_OR_WHICH,
    NTH,
    NTH_OF,
    NTH_OR_DAY,
    OF_MONTH,
    PART,
    SECOND_DAY,
    SECOND_DAY_NUMBER,
    SECOND_MONTH,
    THIS_NEXT,
    UNTIL,
    WEEKDAY,
    YEAR,
)
from usher_inference.understanding.holidays import HOLIDAY, holiday
from usher_inference.understanding.numbers import COUNT

# From the most to the least specific; what one claims the next never sees.
RULES: tuple[tuple[re.Pattern[str], spans.Resolve], ...] = tuple(
    (re.compile(pattern), resolve)
    for pattern, resolve in (
        (HOLIDAY, holiday),
        (
            rf"\b(?:the\s+)?week\s+(?:of|starting|commencing|"
            rf"beginning)\s+(?:the\s+)?(?:{MONTH}\s+)?(?:the\s+)?{NTH_OR_DAY}",
            spans.week_of,
        ),
        (r"\b(?P<y>20\d\d)-(?P<m>\d\d?)-(?P<d>\d\d?)(?:t[\d:]+z?)?\b", spans.iso),
        (
            rf"\b(?:(?:between|from)\s+)?{MONTH}\s+(?:the\s+)?{DAY_NUMBER}\s*(?:to|-|until|till|through|thru|and)\s*"
            rf"{SECOND_MONTH}\s+(?:the\s+)?{SECOND_DAY_NUMBER}\b",
            spans.between_months,
        ),
        (rf"{BEFORE_DAY}\b{NTH_OF}\s+{WEEKDAY}\s+{OF_MONTH}", spans.nth_weekday),
        (rf"(?:\bin\s+)?{BEFORE_DAY}\b{NTH_OF}\s+week\s+{OF_MONTH}", spans.nth_week),
        (
            rf"(?:\b(?:in|around|towards|by)\s+)?(?:the\s+)?\b{PART}[\s-]+(?:of\s+)?{MONTH_OR_WHICH}",
            spans.part_of_month,
        ),
        (
            rf"{BEFORE_DAY}\b{MONTH}\s+(?:the\s+)?{DAY_NUMBER}(?![\d:]){UNTIL}(?!\s*(?:tickets?|seats?|"
            rf"people)){YEAR}",
            spans.month_and_day,
        ),
        (
            rf"\b(?:between|from)\s+(?:the\s+)?{DAY_NUMBER}\s*(?:and|to|-|until|till)\s*(?:the\s+)?"
            rf"(?P<until>[0-3]?\d(?:st|nd|rd|th)?)\s+(?:of\s+)?{MONTH}{YEAR}",
            spans.month_and_day,
        ),
        (
            rf"{BEFORE_DAY}\b{NTH}\s*(?:and|to|-|or|&)\s*(?:the\s+)?(?P<until>[0-3]?\d(?:st|nd|rd|th))\s+(?:of\s+)?"
            rf"{MONTH}{YEAR}",
            spans.month_and_day,
        ),
        (rf"{BEFORE_DAY}\b{DAY_NUMBER}\s+(?:of\s+|day of\s+)?{MONTH}{YEAR}", spans.month_and_day),
        (r"(?:\bon\s+)?(?<![\d/-])(?P<a>\d\d?)/(?P<b>\d\d?)(?:/(?P<y>20\d\d|\d\d))?(?![\d/])", spans.slashed),
        (
            rf"{BEFORE_DAY}\b{NTH}\s+(?:day\s+)?of\s+(?P<which>(?:this|the|next|the next|the following|the current|"
            r"current)\s+month)\b",
            spans.day_of_month,
        ),
        (rf"{BEFORE_DAY}\bday\s+after\s+tom+or+ow\b", spans.fixed(2)),
        (r"\b(?:yesterday(?:'s)?|last\s+night(?:'s)?)\b", spans.fixed(-1)),
        (r"(?:\bon\s+)?\b(?:tom+or+ow|tmrw|tmr|tomoro|2moro|tomo)\b", spans.fixed(1)),
        (
            r"(?:\b(?:on|for)\s+)?\b(?:later\s+)?(?:today|tonight|tonite|2nite|2night|"
            r"this\s+(?:very\s+)?(?:evening|afternoon|morning|arvo))\b",
            spans.fixed(0),
        ),
        (
            rf"(?:\b(?:sometime\s+)?between\s+)?{BEFORE_DAY}\b{WEEKDAY}\s*(?:-|/|to|or|through|thru|and|"
            rf"&)\s*{SECOND_DAY}",
            spans.day_pair,
        ),
        (
            rf"\b(?P<count>an?|{COUNT})\s+(?:weeks?|fortnights?)\s+(?:from|on|after)\s+(?:this\s+)?{WEEKDAY}",
            spans.weekday_in_weeks,
        ),
        (rf"{BEFORE_DAY}\b{WEEKDAY}\s+(?:week|fortnight)\b", spans.weekday_in_weeks),
        (
            rf"{BEFORE_DAY}\b(?:(?P<which>{THIS_NEXT})\s+)?{WEEKDAY}\s+(?:of\s+)?(?P<week>this week|next week|"
            r"the week after next|week after next|after next|the following week|a week from now|in a week)\b",
            spans.weekday,
        ),
        (rf"{BEFORE_DAY}\b(?:(?P<which>{THIS_NEXT})\s+)?{WEEKDAY}", spans.weekday),
        (
            rf"(?:\b(?:on|for|over|during)\s+)?(?:\b(?P<which>{THIS_NEXT}|the|that|over the)\s+)?\b(?:weekends?|"
            r"wknd)\b(?:\s+after\s+next\b)?",
            spans.weekend,
        ),
        (
            r"(?:\b(?:some\s*time|later|during|for)\s+)?(?:\b(?:the\s+)?(?P<part>early|late|start of|beginning of|"
            r"end of)\s+)?\b(?P<which>this|next|the following|the next|the)\s+week(?(part)|(?<!the week))\b"
            r"(?:\s+after\s+next\b)?",
            spans.week,
        ),
        (r"(?:\b(?:some\s*time|later|during|for)\s+)?\b(?P<which>this|next|the following)\s+month\b", spans.month_span),
        (
            rf"\b(?P<count>an?|{COUNT})\s+(?P<unit>days?|weeks?|months?)\s+(?:from\s+(?:now|today)|today|"
            r"from\s+this\s+day|later)\b",
            spans.ahead,
        ),
        (
            rf"\b(?:in\s+)?(?:the\s+next\s+|the\s+coming\s+|next\s+(?=few|couple))(?:(?P<count>{COUNT}|"
            rf"few)\s+)?(?P<unit>days?|weeks?|"
            r"months?)\b",
            spans.within,
        ),
        (
            rf"\b(?:within|over)\s+(?:the\s+next\s+|the\s+coming\s+)?(?:(?P<count>an?|{COUNT}|"
            r"few)\s+)?(?P<unit>days?|weeks?|months?)\b",
            spans.within,
        ),
        (
            rf"\b(?:in|exactly)\s+(?P<count>an?|{COUNT})\s+(?P<unit>days?|weeks?|months?|"
            rf"fortnights?)(?:'s?)?(?:\s+time)?\b",
            spans.ahead,
        ),
        (rf"\b(?:in|during|for|of)\s+(?:early |late |mid[- ]?)?{MONTH}{YEAR}", spans.month_span),
        (rf"\b(?:(?:early|late|mid|this|next|coming)[- ])?{BARE_MONTH}{YEAR}(?!\s*\d)", spans.month_span),
        (rf"^\W*(?:(?:or|and|maybe|how about|what about)\s+)?{MONTH}{YEAR}\W*$", spans.month_span),
    )
)
