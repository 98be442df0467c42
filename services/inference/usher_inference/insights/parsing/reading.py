"""Reads a question word by word into its parts. Every word has to find a place, or the question is refused."""

from __future__ import annotations

import re
from datetime import date

from usher_inference.insights.parsing import phrases
from usher_inference.insights.parsing.comparing import take_comparison, take_negation
from usher_inference.insights.parsing.lexicon import Lexicon
from usher_inference.insights.parsing.model import AskedMeasure, Condition, QuestionNotUnderstood, Reading
from usher_inference.insights.parsing.naming import (
    measure,
    take_long_name,
    take_mention,
    take_proper_name,
    take_quoted,
)
from usher_inference.insights.parsing.ranking import take_limit, take_superlative
from usher_inference.insights.parsing.state import State
from usher_inference.insights.parsing.times import find_spans
from usher_inference.insights.parsing.words import split_words

_WHOLE = re.compile(r"\b(sign|log|check|sett?)(ed|ing|s)? (up|in|out)\b", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")


def read(question: str, lexicon: Lexicon, today: date) -> Reading:
    """The parts of the question. Raises QuestionNotUnderstood, naming the words that have no place."""
    text = _WHOLE.sub(lambda match: match[1] + match[3], question)
    quotes = [match.span() for match in _QUOTED.finditer(text)]
    reading = Reading()
    for found in find_spans(text, today):
        if not any(start < found.end and found.start < end for start, end in quotes):
            reading.spans.append(found.span)
            text = text[: found.start] + " " * (found.end - found.start) + text[found.end :]
    state = State(split_words(text), lexicon, reading)
    while state.at < len(state.words):
        state.at += _step(state)
    if state.functions and not reading.measures:
        measure(state, None)
    if state.unknown:
        said = ", ".join(f'"{word}"' for word in dict.fromkeys(state.unknown))
        raise QuestionNotUnderstood(f"nothing in this data is known to be meant by {said}")
    return reading


def _step(state: State) -> int:
    """Take what stands here; how many words that were."""
    for rule in (
        _take_comma, take_quoted, take_long_name, take_superlative, take_comparison,
        take_limit, _take_function, _take_grouping, _take_rate, take_negation,
        take_mention, take_proper_name,
    ):  # fmt: skip
        if taken := rule(state):
            return taken
    word = state.words[state.at]
    if word.lower in ("which", "who", "what"):
        follow = state.word(1)
        state.which = word.lower != "what" or follow is None or follow.lower not in ("is", "was", "are", "were", "did")
    elif word.stem in phrases.UNITS and state.at and state.words[state.at - 1].lower == "in":
        pass  # "duration in minutes"
    elif word.lower == "compare":
        state.comparing = True
    elif word.lower in ("all",) and not state.reading.measures:
        state.reading.lists_rows = True
    elif word.lower in ("or", "and"):
        pass
    elif word.lower not in phrases.IDLE:
        state.unknown.append(word.text)
    if word.lower in phrases.LISTING:
        state.reading.lists_rows = True
    return 1


def _take_comma(state: State) -> int:
    return int(state.words[state.at].text == ",")


def _take_function(state: State) -> int:
    found = state.longest(phrases.FUNCTIONS, state.at)
    if found:
        function = phrases.FUNCTIONS[found]
        if not (function == "count" and state.functions and state.functions[-1] in ("avg", "median", "max", "min")):
            if function == "sum" and state.functions[-1:] == ["avg"]:
                return len(found)
            state.functions.append(function)
            state.said = function
        if not state.ranking_by:
            state.grouping = False
        return len(found)
    if state.words[state.at].lower in phrases.DISTINCT:
        state.distinct = True
        return 1
    return 0


def _take_rate(state: State) -> int:
    """ "success rate": the share of what was named just before."""
    if state.words[state.at].lower not in ("rate", "rates", "ratio") or state.value is None:
        return 0
    condition = state.value
    state.reading.conditions = [each for each in state.reading.conditions if each is not condition]
    _drop_share(state, condition)
    state.reading.measures.append(AskedMeasure("share", None, condition))
    state.functions.clear()
    state.value = None
    return 1


def _drop_share(state: State, condition: Condition) -> None:
    state.reading.measures = [each for each in state.reading.measures if each.of is not condition]


def _take_grouping(state: State) -> int:
    word = state.words[state.at]
    if word.lower in phrases.ADVERBS:
        state.reading.buckets.append(phrases.ADVERBS[word.lower])
        return 1
    if state.lower(2) == ("over", "time"):
        state.reading.over_time = True
        return 2
    found = state.longest(phrases.GROUPING, state.at)
    if not found:
        return _take_more_buckets(state)
    bucket = state.longest(phrases.BUCKETS, state.at + len(found))
    if not bucket and state.lower(1, state.at + len(found)) in (("the",), ("each",), ("calendar",)):
        bucket = state.longest(phrases.BUCKETS, state.at + len(found) + 1)
        found = (*found, "the") if bucket else found
    if bucket:
        state.reading.buckets.append(phrases.BUCKETS[bucket])
        state.grouping = True
        return len(found) + len(bucket)
    state.ranking_by = (
        found == ("by",)
        and state.reading.ranking is not None
        and bool(state.reading.dimensions or state.reading.ranking.of_rows)
        and not state.reading.measures
    )
    state.grouping = not state.ranking_by
    return len(found)


def _take_more_buckets(state: State) -> int:
    """ "by branch and month"."""
    before = state.words[state.at - 1].lower if state.at else ""
    bucket = state.longest(phrases.BUCKETS, state.at)
    if bucket and (before in ("which", "what") or (state.grouping and before in ("and", ","))):
        state.reading.buckets.append(phrases.BUCKETS[bucket])
        return len(bucket)
    return 0
