"""Orders and limits: "top 5", "the cheapest", "which … has the most"."""

from __future__ import annotations

from collections.abc import Sequence

from usher_inference.insights.parsing import phrases
from usher_inference.insights.parsing.lexicon import Kind, Meaning
from usher_inference.insights.parsing.model import Mention, Ranking
from usher_inference.insights.parsing.state import State
from usher_inference.insights.parsing.words import stem

_SEVERAL = 10  # of what is ranked, where a plural has no number


def take_limit(state: State) -> int:
    """ "top 5", "bottom three", "the 10" before a name."""
    word = state.words[state.at]
    follow = state.word(1)
    direction = {"top": True, "best": True, "first": True, "bottom": False, "worst": False, "last": True}.get(
        word.lower
    )
    if direction is not None:
        if follow is not None and follow.number is not None and 0 < follow.number <= 1000 and follow.number % 1 == 0:
            rank(state, direction, int(follow.number))
            if word.lower in ("first", "last"):
                rank_rows(state, phrases.AGES, descending=word.lower == "last")
            return 2
        if word.lower in ("top", "best", "worst", "bottom"):
            rank(state, direction, None if state.reading.ranking and state.reading.ranking.limit else 1)
            return 1
        if word.lower in ("first",) and state.reading.ranking is not None:
            return 1
    if (
        word.number is not None
        and word.currency is None
        and 0 < word.number <= 1000
        and word.number % 1 == 0
        and follow is not None
    ):
        adjective = phrases.superlative(follow.lower) or (follow.lower if follow.lower in ("most", "least") else None)
        if adjective is not None or (state.which and state.lexicon.longest(state.words, state.at + 1)[0]):
            rank(state, True, int(word.number))
            return 1
    return 0


def rank(state: State, descending: bool, limit: int | None, by: Mention | None = None) -> None:
    old = state.reading.ranking
    kept = limit if limit is not None else (old.limit if old else None)
    state.rank_opens = True
    if kept == 1 and limit == 1 and is_plural(state):
        kept = _SEVERAL
    state.reading.ranking = Ranking(descending, kept, by or (old.by if old else None), old.of_rows if old else False)


def rank_rows(state: State, names: Sequence[str], *, descending: bool) -> None:
    assert state.reading.ranking is not None  # noqa: S101  set just before
    state.reading.ranking.of_rows = True
    state.reading.ranking.descending = descending
    state.reading.ranking.by = columns_named(state, names)


def is_plural(state: State) -> bool:
    """ "which branches …", "most common codes": several are asked for."""
    follow = state.word(1)
    named = state.reading.subject.text if state.reading.subject else ""
    words = [
        named,
        *(word.text for word in state.words[state.at + 1 : state.at + 4] if word.lower not in phrases.IDLE),
    ]
    if state.which and named:
        words = [named]
    elif follow is None:
        return False
    return any(word.lower().endswith("s") and not word.lower().endswith(("ss", "us", "is")) for word in words if word)


def columns_named(state: State, names: Sequence[str]) -> Mention:
    """Whatever columns have one of these words, the first words weighing most."""
    return Mention(
        "/".join(names[:1]),
        tuple(
            Meaning(Kind.COLUMN, "*", name, None, 0.5 - 0.03 * rank)
            for rank, name in enumerate(dict.fromkeys(map(stem, names)))
        ),
    )


def take_superlative(state: State) -> int:
    word = state.words[state.at]
    taken = 1
    if word.lower in ("most", "least", "fewest", "highest", "lowest"):
        descending = word.lower in ("most", "highest")
        follow = state.word(1)
        if follow is not None and word.lower in ("most", "least") and follow.lower in phrases.ADJECTIVES:
            up, names = phrases.ADJECTIVES[follow.lower]
            return superlative(state, 2, up == descending, names, follow.lower)
        if follow is not None and follow.lower == "first":
            rank(state, descending, None)
            return 2
        if not (state.which or state.reading.dimensions or state.reading.ranking):
            state.functions.append("max" if descending else "min")  # "the highest fare"
            return taken
        limit = state.reading.ranking.limit if state.reading.ranking else None
        rank(state, descending, limit or 1)
        state.grouping = False
        state.rank_opens = False
        return taken
    adjective = phrases.superlative(word.lower)
    if adjective is None:
        return 0
    follow = state.word(1)
    descending, names = phrases.ADJECTIVES[adjective]
    if follow is not None and follow.lower == "first":
        rank(state, descending, None)
        return 2
    return superlative(state, 1, descending, names, adjective)


def superlative(state: State, taken: int, descending: bool, names: tuple[str, ...], adjective: str) -> int:
    length, meanings = state.lexicon.longest(state.words, state.at + taken)
    numeric = [each for each in meanings if each.kind is Kind.COLUMN and each.weight >= 0.6]
    is_table = any(each.kind is Kind.TABLE and each.weight >= 0.6 for each in meanings)
    before = state.reading.ranking
    rank(state, descending, before.limit if before and before.limit else 1)
    assert state.reading.ranking is not None  # noqa: S101  set just before
    if not names:  # by the number of rows
        if state.which:
            state.rank_opens = False
        elif length and not is_table and numeric:
            state.reading.dimensions.append(Mention(state.words[state.at + taken].text, meanings))
            state.last = state.reading.dimensions[-1]
            return taken + length
        return taken
    if length and numeric and not is_table and not state.which:
        state.reading.ranking = before
        state.functions.append("max" if descending else "min")
        return taken
    if state.which and state.last is not None and not state.reading.dimensions and not length:
        state.reading.subject = state.reading.subject or state.last
    rank_rows(state, names, descending=descending)
    if adjective in phrases.TIMELIKE:
        state.reading.ranking.by = columns_named(state, phrases.AGES)
    return taken
