"""Comparisons with numbers ("over 20", "longer than 5 minutes", "between 10 and 20") and negations."""

from __future__ import annotations

from usher_inference.insights.parsing import phrases
from usher_inference.insights.parsing.lexicon import Kind
from usher_inference.insights.parsing.model import AskedMeasure, Condition, Mention, Operator
from usher_inference.insights.parsing.ranking import columns_named
from usher_inference.insights.parsing.state import State


def take_comparison(state: State) -> int:
    start = state.at
    names: tuple[str, ...] = ()
    first = state.words[start].lower
    adjective = phrases.comparative(first)
    operator: Operator | None = None
    if adjective is not None and state.lower(1, start + 1) == ("than",):
        up, names = phrases.ADJECTIVES[adjective]
        operator = ">" if up != (adjective in ("old", "young")) else "<"
        length = 2
    elif first in ("more", "less") and state.lower(3)[2:] == ("than",) and state.lower(2)[1] in phrases.ADJECTIVES:
        up, names = phrases.ADJECTIVES[state.lower(2)[1]]
        operator = ">" if up == (first == "more") else "<"
        length = 3
    else:
        found = state.longest(phrases.COMPARISONS, start)
        length = len(found)
        operator = phrases.COMPARISONS[found] if found else None
        if operator is None and state.last_is_numeric():
            if first in ("of", "is", "was", "=", "at"):
                operator, length = "=", 1
            elif state.words[start].number is not None:  # "with rating 1"
                operator, length = "=", 0
    if operator is None:
        return 0
    number = state.number_at(start + length)
    if number is None:
        return 0
    taken, values, currency = start + length + 1, [number.number or 0.0], number.currency
    if operator == "between":
        second = state.number_at(taken + 1)
        if state.lower(1, taken) != ("and",) or second is None:
            return 0
        values.append(second.number or 0.0)
        taken += 2
    return comparison(state, start, taken, operator, tuple(values), names=names, currency=currency)


def comparison(
    state: State,
    start: int,
    at: int,
    operator: Operator,
    values: tuple[float, ...],
    *,
    names: tuple[str, ...],
    currency: str | None,
) -> int:
    """A comparison whose words end at `at`: how many words from `start` it takes, a unit or name behind it included."""
    unit = None
    if at < len(state.words) and (word := state.words[at]).stem in phrases.UNITS:
        unit, at = word.stem, at + 1
        currency = currency or phrases.CURRENCY_UNITS.get(unit)
    length, meanings = (0, ()) if unit else state.lexicon.longest(state.words, at)
    columns = tuple(each for each in meanings if each.kind is Kind.COLUMN)
    tables = tuple(each for each in meanings if each.kind is Kind.TABLE)
    takes = not names and last_takes(state, start)
    if length and (columns or tables) and not takes:
        mention = Mention(" ".join(word.text for word in state.words[at : at + length]), meanings)
        grouped = state.reading.dimensions or (state.last is not None and state.last is not state.reading.subject)
        if tables and not state.reading.measures and grouped:
            having(state, operator, values)
            return at + length - start
        if columns:
            state.reading.conditions.append(Condition(mention, operator, values, unit, currency))
            return at + length - start
    if takes:
        assert state.last is not None  # noqa: S101  _last_takes says so
        unmeasure(state, state.last)
        state.reading.conditions.append(Condition(state.last, operator, values, unit, currency))
        return at - start
    if unit is not None and unit not in phrases.CURRENCY_UNITS and not names:
        names = phrases.LENGTHS
    state.reading.conditions.append(
        Condition(columns_named(state, names or phrases.PRICES), operator, values, unit, currency)
    )
    return at - start


def last_takes(state: State, start: int) -> bool:
    """Whether the name just before is a number that the comparison is about ("with a fare of at least")."""
    if state.last is None or not any(each.kind is Kind.COLUMN for each in state.last.meanings):
        return False
    if any(each.kind is Kind.TABLE and each.weight >= 1 for each in state.last.meanings):
        return False
    between = [word.lower for word in state.words[state.last_end : start]]
    return all(word in ("of", "is", "was", "are", "were", "a", "the", "at") for word in between)


def having(state: State, operator: Operator, values: tuple[float, ...]) -> None:
    state.reading.having = (operator, values)
    if not state.reading.dimensions and state.last is not None:
        if state.reading.subject is state.last:
            state.reading.subject = None
        state.reading.listed = [each for each in state.reading.listed if each is not state.last]
        state.reading.dimensions.append(state.last)
    state.reading.measures.append(AskedMeasure("count", None))


def unmeasure(state: State, mention: Mention) -> None:
    """What turns out to be compared with a number was not asked for as a measure or a column."""
    state.reading.measures = [each for each in state.reading.measures if each.mention is not mention]
    state.reading.listed = [each for each in state.reading.listed if each is not mention]
    state.reading.hints = [each for each in state.reading.hints if each is not mention]


def take_negation(state: State) -> int:
    word = state.words[state.at]
    if state.lower(2) in (("other", "than"), ("apart", "from"), ("out", "of")):
        if state.lower(2) == ("out", "of"):
            length, meanings = state.lexicon.longest(state.words, state.at + 2)
            if not any(each.kind is Kind.COLUMN for each in meanings):
                return 0
            mention = Mention(state.words[state.at + 2].text, meanings)
            state.reading.conditions.append(Condition(mention, "=", (0.0,)))
            return 2 + length
        state.negated = True
        return 2
    if word.lower in phrases.NEGATIONS:
        state.negated = True
        return 1
    return 0
