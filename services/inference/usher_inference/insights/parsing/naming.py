"""Names of tables, columns and values: what each is there for, by the words around it."""

from __future__ import annotations

from usher_inference.insights.parsing import phrases
from usher_inference.insights.parsing.comparing import unmeasure
from usher_inference.insights.parsing.lexicon import Kind, Meaning
from usher_inference.insights.parsing.model import AskedMeasure, Condition, Function, Mention
from usher_inference.insights.parsing.ranking import columns_named
from usher_inference.insights.parsing.state import State


def take_quoted(state: State) -> int:
    word = state.words[state.at]
    if not word.quoted:
        return 0
    text_value(state, word.text)
    return 1


def take_long_name(state: State) -> int:
    """A name of several words goes before the function words in it ("total amount")."""
    length, meanings = state.lexicon.longest(state.words, state.at)
    return mention(state, length, meanings) if length > 1 else 0


def take_mention(state: State) -> int:
    if state.at == 0 and state.words[0].lower in phrases.LISTING:
        return 0  # "show …": the command, not the event
    length, meanings = state.lexicon.longest(state.words, state.at)
    if not length:
        return 0
    if state.words[state.at].lower == "who":
        if state.at or state.lower(1, 1) in (("is",), ("are",), ("was",), ("were",)):
            return 0
        state.which = True
    return mention(state, length, meanings)


def take_proper_name(state: State) -> int:
    """Capitalised words behind a preposition or a column: a value that nobody has listed."""
    if state.at == 0 or not state.words[state.at].capitalised:
        return 0
    before = state.words[state.at - 1].lower
    if (
        before not in ("for", "of", "from", "to", "at", "in", "by", "with", "named", "called", "is", "=", "on", "the")
        and state.at != state.last_end
    ):
        return 0
    end = state.at + 1
    while (
        end < len(state.words)
        and (state.words[end].capitalised or state.words[end].number is not None)
        and not state.words[end].quoted
    ):
        end += 1
    if before == "the" and state.words[state.at - 1].text == "The":
        state.at -= 1
    text_value(state, " ".join(word.text for word in state.words[state.at : end]))
    return end - state.at


def text_value(state: State, text: str) -> None:
    before = state.words[state.at - 1].lower if state.at else ""
    names = {
        "from": ("start", "from", "origin", "source", "departure"),
        "to": ("end", "to", "destination", "target", "arrival"),
    }.get(before)
    texts = [each for each in (state.last.meanings if state.last else ()) if each.kind is Kind.COLUMN]
    whole = state.last is not None and any(each.kind is Kind.TABLE for each in state.last.meanings)
    near = state.last is not None and state.at - state.last_end <= 2 and texts and not whole
    if near and state.last is not None:
        unmeasure(state, state.last)
        state.reading.dimensions = [each for each in state.reading.dimensions if each is not state.last]
        mention = state.last
    else:
        mention = columns_named(state, names or ("name", "title"))
    state.reading.conditions.append(Condition(mention, "<>" if state.negated else "=", (text,)))
    state.negated = False


def mention(state: State, length: int, meanings: tuple[Meaning, ...]) -> int:
    mention = Mention(" ".join(word.text for word in state.words[state.at : state.at + length]), meanings)
    place(state, mention)
    state.last = mention
    state.last_end = state.at + length
    return length


def place(state: State, mention: Mention) -> None:
    kinds = {each.kind for each in mention.meanings if each.weight >= 0.5} or {each.kind for each in mention.meanings}
    grouping, before = state.grouping, state.words[state.at - 1].lower if state.at else ""
    opened, state.rank_opens = state.rank_opens, False
    ranking = state.reading.ranking
    if state.ranking_by:
        state.ranking_by = False
        if ranking is not None and ranking.of_rows and not state.functions:
            ranking.by = mention
        else:
            measure(state, mention)
    elif absorbs(state, mention):
        pass
    elif opened and ranking is not None and not (kinds & {Kind.VALUE, Kind.FLAG}):
        if ranking.of_rows:
            state.reading.subject = state.reading.subject or mention
        else:
            state.reading.dimensions.append(mention)
    elif grouping and kinds - {Kind.VALUE} and continues_group(state, before):
        state.reading.dimensions.append(mention)
    elif (
        any(each.temporal and each.weight >= 0.9 for each in mention.meanings)
        and Kind.TABLE not in kinds
        and not (state.functions or state.negated)
    ):
        state.reading.hints.append(mention)
    elif kinds & {Kind.VALUE, Kind.FLAG} and not (kinds & {Kind.TABLE} and state.functions):
        condition(state, mention)
    elif state.negated:
        state.reading.conditions.append(Condition(mention, "is null"))
        state.negated = False
    elif state.functions:
        measure(state, mention)
    elif state.said and state.reading.measures and before in ("and", ",") and Kind.TABLE not in kinds:
        state.functions = [state.said]
        measure(state, mention)
    elif state.which and not state.reading.dimensions and not state.reading.measures and state.reading.subject is None:
        state.reading.subject = mention  # "which branch …": what it is grouped by, if something is ranked
    elif Kind.TABLE in kinds and state.reading.subject is None and not state.reading.measures:
        state.reading.subject = mention
    elif not (state.reading.measures and all(part in phrases.IDLE for part in mention.text.lower().split())):
        state.reading.hints.append(mention)  # "tickets sold" says nothing more than tickets


def continues_group(state: State, before: str) -> bool:
    found = any(
        tuple(word.lower for word in state.words[max(0, state.at - len(each)) : state.at]) == each
        for each in phrases.GROUPING
    )
    return (
        found
        or before in ("and", ",", "the", "or")
        or (state.last is not None and state.last in state.reading.dimensions and state.last_end == state.at)
    )


def absorbs(state: State, mention: Mention) -> bool:
    """ "cargo bikes", "the tools service", "order amount": the second says again what the first said."""
    if state.last is None or state.at - state.last_end > 1:
        return False
    if state.at > state.last_end and state.words[state.last_end].lower not in ("the", "of"):
        return False
    if state.value is not None and state.value_source is state.last:
        columns = {(each.table, each.column) for each in state.value.mention.meanings}
        return state.at == state.last_end and any(
            (each.table, each.column) in columns for each in mention.meanings if each.kind is Kind.COLUMN
        )
    tables = {each.table for each in state.last.meanings if each.kind is Kind.TABLE}
    inside = [each for each in mention.meanings if each.kind in (Kind.COLUMN, Kind.FLAG) and each.table in tables]
    if tables and inside and state.last in state.reading.dimensions and state.last_end == state.at:
        state.reading.dimensions[state.reading.dimensions.index(state.last)] = Mention(mention.text, tuple(inside))
        return True
    if (
        tables
        and inside
        and state.last_end == state.at
        and state.reading.measures
        and state.reading.measures[-1].mention is state.last
        and state.reading.measures[-1].function not in ("count", "count_distinct")
    ):
        state.reading.measures[-1].mention = Mention(mention.text, tuple(inside))
        return True
    return False


def condition(state: State, mention: Mention) -> None:
    source = mention
    chosen = tuple(each for each in mention.meanings if each.kind in (Kind.VALUE, Kind.FLAG))
    mention = Mention(mention.text, chosen)
    before = state.words[state.at - 1].lower if state.at else ""
    condition = Condition(mention, "<>" if state.negated else "=", (mention.text,))
    joined = state.value is not None and before in ("and", "or", ",") and state.last is state.value_source
    if joined and state.value is not None and merge(state, state.value, condition):
        state.value_source = source
        return
    share = "share" in state.functions
    if share:
        state.functions = [each for each in state.functions if each != "share"]
        state.reading.measures.append(AskedMeasure("share", None, condition))
    else:
        if state.functions == ["count"] and not state.reading.measures and state.reading.subject is None:
            pass  # "how many upgrades": rows with that value
        state.reading.conditions.append(condition)
    state.value, state.value_source = condition, source
    state.negated = False


def merge(state: State, into: Condition, more: Condition) -> bool:
    """ "history and travel books": either value of one column."""
    columns = {(each.table, each.column) for each in into.mention.meanings} & {
        (each.table, each.column) for each in more.mention.meanings
    }
    values = (*into.mention.meanings, *more.mention.meanings)
    kept = tuple(each for each in values if (each.table, each.column) in columns)
    if not kept:
        return False
    into.mention = Mention(f"{into.mention.text} or {more.mention.text}", kept)
    into.operator = "not in" if into.operator in ("<>", "not in") else "in"
    into.operands = (*into.operands, *more.operands)
    if state.comparing and into.mention not in state.reading.dimensions:
        by = tuple(Meaning(Kind.COLUMN, table, column) for table, column in sorted(columns) if column)
        state.reading.dimensions = [Mention(into.mention.text, by)]
    return True


def measure(state: State, mention: Mention | None) -> None:
    functions: list[Function | None] = [*state.functions] or [None]
    for function in functions:
        if function != "share":
            different = function == "count" and state.distinct
            state.reading.measures.append(AskedMeasure("count_distinct" if different else function, mention))
    if "share" in functions:
        state.functions = ["share"]
        if mention is not None:
            state.reading.hints.append(mention)
    else:
        state.functions = []
    state.distinct = False
