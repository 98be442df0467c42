"""Reads a question word by word into its parts. Every word has to find a place, or the question is refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

from usher_inference.insights.parsing import phrases
from usher_inference.insights.parsing.lexicon import Kind, Lexicon, Meaning
from usher_inference.insights.parsing.model import (
    AskedMeasure,
    Condition,
    Function,
    Mention,
    Operator,
    QuestionNotUnderstood,
    Ranking,
    Reading,
)
from usher_inference.insights.parsing.times import find_spans
from usher_inference.insights.parsing.words import Word, split_words, stem

_SEVERAL = 10  # of what is ranked, where a plural has no number
_WHOLE = re.compile(r"\b(sign|log|check|sett?)(ed|ing|s)? (up|in|out)\b", re.IGNORECASE)


class Reader:
    """Reads one question; `read()` gives the result. Raises QuestionNotUnderstood."""

    def __init__(self, question: str, lexicon: Lexicon, today: date) -> None:
        text = _WHOLE.sub(lambda match: match[1] + match[3], question)
        quotes = [match.span() for match in re.finditer(r"\"[^\"]*\"|“[^”]*”", text)]
        self.reading = Reading()
        for found in find_spans(text, today):
            if not any(start < found.end and found.start < end for start, end in quotes):
                self.reading.spans.append(found.span)
                text = text[: found.start] + " " * (found.end - found.start) + text[found.end :]
        self._words = split_words(text)
        self._lexicon = lexicon
        self._at = 0
        self._functions: list[Function] = []
        self._said: Function | None = None  # the function that "and" carries on
        self._distinct = False
        self._grouping = False
        self._ranking_by = False
        self._rank_opens = False
        self._which = False
        self._negated = False
        self._comparing = False
        self._last: Mention | None = None
        self._value: Condition | None = None
        self._value_source: Mention | None = None
        self._unknown: list[str] = []

    def read(self) -> Reading:
        while self._at < len(self._words):
            self._at += self._step()
        if self._functions and not self.reading.measures:
            self._measure(None)
        if self._unknown:
            said = ", ".join(f'"{word}"' for word in dict.fromkeys(self._unknown))
            raise QuestionNotUnderstood(f"nothing in this data is known to be meant by {said}")
        return self.reading

    def _step(self) -> int:
        """Take what stands here; how many words that were."""
        for rule in (
            self._take_comma, self._take_quoted, self._take_long_name, self._take_superlative, self._take_comparison,
            self._take_limit, self._take_function, self._take_grouping, self._take_rate, self._take_negation,
            self._take_mention, self._take_proper_name,
        ):  # fmt: skip
            if taken := rule():
                return taken
        word = self._words[self._at]
        if word.lower in ("which", "who", "what"):
            follow = self._word(1)
            self._which = (
                word.lower != "what" or follow is None or follow.lower not in ("is", "was", "are", "were", "did")
            )
        elif word.stem in phrases.UNITS and self._at and self._words[self._at - 1].lower == "in":
            pass  # "duration in minutes"
        elif word.lower == "compare":
            self._comparing = True
        elif word.lower in ("all",) and not self.reading.measures:
            self.reading.lists_rows = True
        elif word.lower == "or" or word.lower == "and":
            pass
        elif word.lower not in phrases.IDLE:
            self._unknown.append(word.text)
        if word.lower in phrases.LISTING:
            self.reading.lists_rows = True
        return 1

    # --- small steps ---

    def _lower(self, count: int, start: int | None = None) -> tuple[str, ...]:
        at = self._at if start is None else start
        return tuple(word.lower for word in self._words[at : at + count])

    def _word(self, ahead: int = 0) -> Word | None:
        at = self._at + ahead
        return self._words[at] if at < len(self._words) else None

    def _longest(self, table: Iterable[tuple[str, ...]], start: int) -> tuple[str, ...]:
        return max((each for each in table if self._lower(len(each), start) == each), key=len, default=())

    def _take_comma(self) -> int:
        return int(self._words[self._at].text == ",")

    def _take_long_name(self) -> int:
        """A name of several words goes before the function words in it ("total amount")."""
        length, meanings = self._lexicon.longest(self._words, self._at)
        return self._mention(length, meanings) if length > 1 else 0

    def _take_mention(self) -> int:
        if self._at == 0 and self._words[0].lower in phrases.LISTING:
            return 0  # "show …": the command, not the event
        length, meanings = self._lexicon.longest(self._words, self._at)
        if not length:
            return 0
        if self._words[self._at].lower == "who":
            if self._at or self._lower(1, 1) in (("is",), ("are",), ("was",), ("were",)):
                return 0
            self._which = True
        return self._mention(length, meanings)

    # --- rules ---

    def _take_function(self) -> int:
        found = self._longest(phrases.FUNCTIONS, self._at)
        if found:
            function = phrases.FUNCTIONS[found]
            if not (function == "count" and self._functions and self._functions[-1] in ("avg", "median", "max", "min")):
                if function == "sum" and self._functions[-1:] == ["avg"]:
                    return len(found)
                self._functions.append(function)
                self._said = function
            if not self._ranking_by:
                self._grouping = False
            return len(found)
        if self._words[self._at].lower in phrases.DISTINCT:
            self._distinct = True
            return 1
        return 0

    def _take_rate(self) -> int:
        """ "success rate": the share of what was named just before."""
        if self._words[self._at].lower not in ("rate", "rates", "ratio") or self._value is None:
            return 0
        condition = self._value
        self.reading.conditions = [each for each in self.reading.conditions if each is not condition]
        self._drop_share(condition)
        self.reading.measures.append(AskedMeasure("share", None, condition))
        self._functions.clear()
        self._value = None
        return 1

    def _drop_share(self, condition: Condition) -> None:
        self.reading.measures = [each for each in self.reading.measures if each.of is not condition]

    def _take_grouping(self) -> int:
        word = self._words[self._at]
        if word.lower in phrases.ADVERBS:
            self.reading.buckets.append(phrases.ADVERBS[word.lower])
            return 1
        if self._lower(2) == ("over", "time"):
            self.reading.over_time = True
            return 2
        found = self._longest(phrases.GROUPING, self._at)
        if not found:
            return self._take_more_buckets()
        bucket = self._longest(phrases.BUCKETS, self._at + len(found))
        if not bucket and self._lower(1, self._at + len(found)) in (("the",), ("each",), ("calendar",)):
            bucket = self._longest(phrases.BUCKETS, self._at + len(found) + 1)
            found = (*found, "the") if bucket else found
        if bucket:
            self.reading.buckets.append(phrases.BUCKETS[bucket])
            self._grouping = True
            return len(found) + len(bucket)
        self._ranking_by = (
            found == ("by",)
            and self.reading.ranking is not None
            and bool(self.reading.dimensions or self.reading.ranking.of_rows)
            and not self.reading.measures
        )
        self._grouping = not self._ranking_by
        return len(found)

    def _take_more_buckets(self) -> int:
        """ "by branch and month"."""
        before = self._words[self._at - 1].lower if self._at else ""
        bucket = self._longest(phrases.BUCKETS, self._at)
        if bucket and (before in ("which", "what") or (self._grouping and before in ("and", ","))):
            self.reading.buckets.append(phrases.BUCKETS[bucket])
            return len(bucket)
        return 0

    def _take_limit(self) -> int:
        """ "top 5", "bottom three", "the 10" before a name."""
        word = self._words[self._at]
        follow = self._word(1)
        direction = {"top": True, "best": True, "first": True, "bottom": False, "worst": False, "last": True}.get(
            word.lower
        )
        if direction is not None:
            if (
                follow is not None
                and follow.number is not None
                and 0 < follow.number <= 1000
                and follow.number % 1 == 0
            ):
                self._rank(direction, int(follow.number))
                if word.lower in ("first", "last"):
                    self._rank_rows(phrases.AGES, descending=word.lower == "last")
                return 2
            if word.lower in ("top", "best", "worst", "bottom"):
                self._rank(direction, None if self.reading.ranking and self.reading.ranking.limit else 1)
                return 1
            if word.lower in ("first",) and self.reading.ranking is not None:
                return 1
        if (
            word.number is not None
            and word.currency is None
            and 0 < word.number <= 1000
            and word.number % 1 == 0
            and follow is not None
        ):
            adjective = phrases.superlative(follow.lower) or (
                follow.lower if follow.lower in ("most", "least") else None
            )
            if adjective is not None or (self._which and self._lexicon.longest(self._words, self._at + 1)[0]):
                self._rank(True, int(word.number))
                return 1
        return 0

    def _rank(self, descending: bool, limit: int | None, by: Mention | None = None) -> None:
        old = self.reading.ranking
        kept = limit if limit is not None else (old.limit if old else None)
        self._rank_opens = True
        if kept == 1 and limit == 1 and self._is_plural():
            kept = _SEVERAL
        self.reading.ranking = Ranking(descending, kept, by or (old.by if old else None), old.of_rows if old else False)

    def _is_plural(self) -> bool:
        """ "which branches …", "most common codes": several are asked for."""
        follow = self._word(1)
        named = self.reading.subject.text if self.reading.subject else ""
        words = [
            named,
            *(word.text for word in self._words[self._at + 1 : self._at + 4] if word.lower not in phrases.IDLE),
        ]
        if self._which and named:
            words = [named]
        elif follow is None:
            return False
        return any(
            word.lower().endswith("s") and not word.lower().endswith(("ss", "us", "is")) for word in words if word
        )

    def _rank_rows(self, names: Sequence[str], *, descending: bool) -> None:
        assert self.reading.ranking is not None  # noqa: S101  set just before
        self.reading.ranking.of_rows = True
        self.reading.ranking.descending = descending
        self.reading.ranking.by = self._columns_named(names)

    def _columns_named(self, names: Sequence[str]) -> Mention:
        """Whatever columns have one of these words, the first words weighing most."""
        return Mention(
            "/".join(names[:1]),
            tuple(
                Meaning(Kind.COLUMN, "*", name, None, 0.5 - 0.03 * rank)
                for rank, name in enumerate(dict.fromkeys(map(stem, names)))
            ),
        )

    def _take_superlative(self) -> int:
        word = self._words[self._at]
        taken = 1
        if word.lower in ("most", "least", "fewest", "highest", "lowest"):
            descending = word.lower in ("most", "highest")
            follow = self._word(1)
            if follow is not None and word.lower in ("most", "least") and follow.lower in phrases.ADJECTIVES:
                up, names = phrases.ADJECTIVES[follow.lower]
                return self._superlative(2, up == descending, names, follow.lower)
            if follow is not None and follow.lower == "first":
                self._rank(descending, None)
                return 2
            if not (self._which or self.reading.dimensions or self.reading.ranking):
                self._functions.append("max" if descending else "min")  # "the highest fare"
                return taken
            limit = self.reading.ranking.limit if self.reading.ranking else None
            self._rank(descending, limit or 1)
            self._grouping = False
            self._rank_opens = False
            return taken
        adjective = phrases.superlative(word.lower)
        if adjective is None:
            return 0
        follow = self._word(1)
        descending, names = phrases.ADJECTIVES[adjective]
        if follow is not None and follow.lower == "first":
            self._rank(descending, None)
            return 2
        return self._superlative(1, descending, names, adjective)

    def _superlative(self, taken: int, descending: bool, names: tuple[str, ...], adjective: str) -> int:
        length, meanings = self._lexicon.longest(self._words, self._at + taken)
        numeric = [each for each in meanings if each.kind is Kind.COLUMN and each.weight >= 0.6]
        is_table = any(each.kind is Kind.TABLE and each.weight >= 0.6 for each in meanings)
        before = self.reading.ranking
        self._rank(descending, before.limit if before and before.limit else 1)
        assert self.reading.ranking is not None  # noqa: S101  set just before
        if not names:  # by the number of rows
            if self._which:
                self._rank_opens = False
            elif length and not is_table and numeric:
                self.reading.dimensions.append(Mention(self._words[self._at + taken].text, meanings))
                self._last = self.reading.dimensions[-1]
                return taken + length
            return taken
        if length and numeric and not is_table and not self._which:
            self.reading.ranking = before
            self._functions.append("max" if descending else "min")
            return taken
        if self._which and self._last is not None and not self.reading.dimensions and not length:
            self.reading.subject = self.reading.subject or self._last
        self._rank_rows(names, descending=descending)
        if adjective in phrases.TIMELIKE:
            self.reading.ranking.by = self._columns_named(phrases.AGES)
        return taken

    def _take_comparison(self) -> int:
        start = self._at
        names: tuple[str, ...] = ()
        first = self._words[start].lower
        adjective = phrases.comparative(first)
        operator: Operator | None = None
        if adjective is not None and self._lower(1, start + 1) == ("than",):
            up, names = phrases.ADJECTIVES[adjective]
            operator = ">" if up != (adjective in ("old", "young")) else "<"
            length = 2
        elif first in ("more", "less") and self._lower(3)[2:] == ("than",) and self._lower(2)[1] in phrases.ADJECTIVES:
            up, names = phrases.ADJECTIVES[self._lower(2)[1]]
            operator = ">" if up == (first == "more") else "<"
            length = 3
        else:
            found = self._longest(phrases.COMPARISONS, start)
            length = len(found)
            operator = phrases.COMPARISONS[found] if found else None
            if operator is None and self._last_is_numeric():
                if first in ("of", "is", "was", "=", "at"):
                    operator, length = "=", 1
                elif self._words[start].number is not None:  # "with rating 1"
                    operator, length = "=", 0
        if operator is None:
            return 0
        number = self._number_at(start + length)
        if number is None:
            return 0
        taken, values, currency = start + length + 1, [number.number or 0.0], number.currency
        if operator == "between":
            second = self._number_at(taken + 1)
            if self._lower(1, taken) != ("and",) or second is None:
                return 0
            values.append(second.number or 0.0)
            taken += 2
        return self._comparison(start, taken, operator, tuple(values), names, currency)

    def _number_at(self, at: int) -> Word | None:
        return self._words[at] if at < len(self._words) and self._words[at].number is not None else None

    def _last_is_numeric(self) -> bool:
        return (
            self._last is not None
            and any(each.kind is Kind.COLUMN and each.weight >= 0.6 for each in self._last.meanings)
            and self._at == self._last_end
        )

    _last_end = -1

    def _comparison(
        self,
        start: int,
        at: int,
        operator: Operator,
        values: tuple[float, ...],
        names: tuple[str, ...],
        currency: str | None,
    ) -> int:
        unit = None
        if at < len(self._words) and (word := self._words[at]).stem in phrases.UNITS:
            unit, at = word.stem, at + 1
            currency = currency or phrases.CURRENCY_UNITS.get(unit)
        length, meanings = (0, ()) if unit else self._lexicon.longest(self._words, at)
        columns = tuple(each for each in meanings if each.kind is Kind.COLUMN)
        tables = tuple(each for each in meanings if each.kind is Kind.TABLE)
        takes = not names and self._last_takes(start)
        if length and (columns or tables) and not takes:
            mention = Mention(" ".join(word.text for word in self._words[at : at + length]), meanings)
            grouped = self.reading.dimensions or (self._last is not None and self._last is not self.reading.subject)
            if tables and not self.reading.measures and grouped:
                self._having(operator, values)
                return at + length - start
            if columns:
                self.reading.conditions.append(Condition(mention, operator, values, unit, currency))
                return at + length - start
        if takes:
            assert self._last is not None  # noqa: S101  _last_takes says so
            self._unmeasure(self._last)
            self.reading.conditions.append(Condition(self._last, operator, values, unit, currency))
            return at - start
        if unit is not None and unit not in phrases.CURRENCY_UNITS and not names:
            names = phrases.LENGTHS
        self.reading.conditions.append(
            Condition(self._columns_named(names or phrases.PRICES), operator, values, unit, currency)
        )
        return at - start

    def _last_takes(self, start: int) -> bool:
        """Whether the name just before is a number that the comparison is about ("with a fare of at least")."""
        if self._last is None or not any(each.kind is Kind.COLUMN for each in self._last.meanings):
            return False
        if any(each.kind is Kind.TABLE and each.weight >= 1 for each in self._last.meanings):
            return False
        between = [word.lower for word in self._words[self._last_end : start]]
        return all(word in ("of", "is", "was", "are", "were", "a", "the", "at") for word in between)

    def _having(self, operator: Operator, values: tuple[float, ...]) -> None:
        self.reading.having = (operator, values)
        if not self.reading.dimensions and self._last is not None:
            if self.reading.subject is self._last:
                self.reading.subject = None
            self.reading.listed = [each for each in self.reading.listed if each is not self._last]
            self.reading.dimensions.append(self._last)
        self.reading.measures.append(AskedMeasure("count", None))

    def _unmeasure(self, mention: Mention) -> None:
        """What turns out to be compared with a number was not asked for as a measure or a column."""
        self.reading.measures = [each for each in self.reading.measures if each.mention is not mention]
        self.reading.listed = [each for each in self.reading.listed if each is not mention]
        self.reading.hints = [each for each in self.reading.hints if each is not mention]

    def _take_negation(self) -> int:
        word = self._words[self._at]
        if self._lower(2) in (("other", "than"), ("apart", "from"), ("out", "of")):
            if self._lower(2) == ("out", "of"):
                length, meanings = self._lexicon.longest(self._words, self._at + 2)
                if not any(each.kind is Kind.COLUMN for each in meanings):
                    return 0
                mention = Mention(self._words[self._at + 2].text, meanings)
                self.reading.conditions.append(Condition(mention, "=", (0.0,)))
                return 2 + length
            self._negated = True
            return 2
        if word.lower in phrases.NEGATIONS:
            self._negated = True
            return 1
        return 0

    def _take_quoted(self) -> int:
        word = self._words[self._at]
        if not word.quoted:
            return 0
        self._text_value(word.text)
        return 1

    def _take_proper_name(self) -> int:
        """Capitalised words behind a preposition or a column: a value that nobody has listed."""
        if self._at == 0 or not self._words[self._at].capitalised:
            return 0
        before = self._words[self._at - 1].lower
        if (
            before
            not in ("for", "of", "from", "to", "at", "in", "by", "with", "named", "called", "is", "=", "on", "the")
            and self._at != self._last_end
        ):
            return 0
        end = self._at + 1
        while (
            end < len(self._words)
            and (self._words[end].capitalised or self._words[end].number is not None)
            and not self._words[end].quoted
        ):
            end += 1
        if before == "the" and self._words[self._at - 1].text == "The":
            self._at -= 1
        self._text_value(" ".join(word.text for word in self._words[self._at : end]))
        return end - self._at

    def _text_value(self, text: str) -> None:
        before = self._words[self._at - 1].lower if self._at else ""
        names = {
            "from": ("start", "from", "origin", "source", "departure"),
            "to": ("end", "to", "destination", "target", "arrival"),
        }.get(before)
        texts = [each for each in (self._last.meanings if self._last else ()) if each.kind is Kind.COLUMN]
        whole = self._last is not None and any(each.kind is Kind.TABLE for each in self._last.meanings)
        near = self._last is not None and self._at - self._last_end <= 2 and texts and not whole
        if near and self._last is not None:
            self._unmeasure(self._last)
            self.reading.dimensions = [each for each in self.reading.dimensions if each is not self._last]
            mention = self._last
        else:
            mention = self._columns_named(names or ("name", "title"))
        self.reading.conditions.append(Condition(mention, "<>" if self._negated else "=", (text,)))
        self._negated = False

    # --- names ---

    def _mention(self, length: int, meanings: tuple[Meaning, ...]) -> int:
        mention = Mention(" ".join(word.text for word in self._words[self._at : self._at + length]), meanings)
        self._place(mention)
        self._last = mention
        self._last_end = self._at + length
        return length

    def _place(self, mention: Mention) -> None:
        kinds = {each.kind for each in mention.meanings if each.weight >= 0.5} or {
            each.kind for each in mention.meanings
        }
        grouping, before = self._grouping, self._words[self._at - 1].lower if self._at else ""
        opened, self._rank_opens = self._rank_opens, False
        ranking = self.reading.ranking
        if self._ranking_by:
            self._ranking_by = False
            if ranking is not None and ranking.of_rows and not self._functions:
                ranking.by = mention
            else:
                self._measure(mention)
        elif self._absorbs(mention):
            pass
        elif opened and ranking is not None and not (kinds & {Kind.VALUE, Kind.FLAG}):
            if ranking.of_rows:
                self.reading.subject = self.reading.subject or mention
            else:
                self.reading.dimensions.append(mention)
        elif grouping and kinds - {Kind.VALUE} and self._continues_group(before):
            self.reading.dimensions.append(mention)
        elif (
            any(each.temporal and each.weight >= 0.9 for each in mention.meanings)
            and Kind.TABLE not in kinds
            and not (self._functions or self._negated)
        ):
            self.reading.hints.append(mention)
        elif kinds & {Kind.VALUE, Kind.FLAG} and not (kinds & {Kind.TABLE} and self._functions):
            self._condition(mention)
        elif self._negated:
            self.reading.conditions.append(Condition(mention, "is null"))
            self._negated = False
        elif self._functions:
            self._measure(mention)
        elif self._said and self.reading.measures and before in ("and", ",") and Kind.TABLE not in kinds:
            self._functions = [self._said]
            self._measure(mention)
        elif self._which and not self.reading.dimensions and not self.reading.measures and self.reading.subject is None:
            self.reading.subject = mention  # "which branch …": what it is grouped by, if something is ranked
        elif Kind.TABLE in kinds and self.reading.subject is None and not self.reading.measures:
            self.reading.subject = mention
        elif not (self.reading.measures and all(part in phrases.IDLE for part in mention.text.lower().split())):
            self.reading.hints.append(mention)  # "tickets sold" says nothing more than tickets

    def _continues_group(self, before: str) -> bool:
        found = any(
            tuple(word.lower for word in self._words[max(0, self._at - len(each)) : self._at]) == each
            for each in phrases.GROUPING
        )
        return (
            found
            or before in ("and", ",", "the", "or")
            or (self._last is not None and self._last in self.reading.dimensions and self._last_end == self._at)
        )

    def _absorbs(self, mention: Mention) -> bool:
        """ "cargo bikes", "the tools service", "order amount": the second says again what the first said."""
        if self._last is None or self._at - self._last_end > 1:
            return False
        if self._at > self._last_end and self._words[self._last_end].lower not in ("the", "of"):
            return False
        if self._value is not None and self._value_source is self._last:
            columns = {(each.table, each.column) for each in self._value.mention.meanings}
            return self._at == self._last_end and any(
                (each.table, each.column) in columns for each in mention.meanings if each.kind is Kind.COLUMN
            )
        tables = {each.table for each in self._last.meanings if each.kind is Kind.TABLE}
        inside = [each for each in mention.meanings if each.kind in (Kind.COLUMN, Kind.FLAG) and each.table in tables]
        if tables and inside and self._last in self.reading.dimensions and self._last_end == self._at:
            self.reading.dimensions[self.reading.dimensions.index(self._last)] = Mention(mention.text, tuple(inside))
            return True
        if (
            tables
            and inside
            and self._last_end == self._at
            and self.reading.measures
            and self.reading.measures[-1].mention is self._last
            and self.reading.measures[-1].function not in ("count", "count_distinct")
        ):
            self.reading.measures[-1].mention = Mention(mention.text, tuple(inside))
            return True
        return False

    def _condition(self, mention: Mention) -> None:
        source = mention
        chosen = tuple(each for each in mention.meanings if each.kind in (Kind.VALUE, Kind.FLAG))
        mention = Mention(mention.text, chosen)
        before = self._words[self._at - 1].lower if self._at else ""
        condition = Condition(mention, "<>" if self._negated else "=", (mention.text,))
        joined = self._value is not None and before in ("and", "or", ",") and self._last is self._value_source
        if joined and self._value is not None and self._merge(self._value, condition):
            self._value_source = source
            return
        share = "share" in self._functions
        if share:
            self._functions = [each for each in self._functions if each != "share"]
            self.reading.measures.append(AskedMeasure("share", None, condition))
        else:
            if self._functions == ["count"] and not self.reading.measures and self.reading.subject is None:
                pass  # "how many upgrades": rows with that value
            self.reading.conditions.append(condition)
        self._value, self._value_source = condition, source
        self._negated = False

    def _merge(self, into: Condition, more: Condition) -> bool:
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
        if self._comparing and into.mention not in self.reading.dimensions:
            by = tuple(Meaning(Kind.COLUMN, table, column) for table, column in sorted(columns) if column)
            self.reading.dimensions = [Mention(into.mention.text, by)]
        return True

    def _measure(self, mention: Mention | None) -> None:
        functions: list[Function | None] = [*self._functions] or [None]
        for function in functions:
            if function == "count" and self._distinct:
                function = "count_distinct"
            if function == "share":
                continue
            self.reading.measures.append(AskedMeasure(function, mention))
        if "share" in functions:
            self._functions = ["share"]
            if mention is not None:
                self.reading.hints.append(mention)
        else:
            self._functions = []
        self._distinct = False
