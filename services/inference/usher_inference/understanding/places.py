"""Cities: common ones with their short forms, the catalogue's own, and any other by where it stands in a sentence."""

import re
from collections.abc import Sequence
from functools import lru_cache

from rapidfuzz import fuzz, process
from rapidfuzz.distance import OSA

from usher_inference.understanding.catalogue import COMMON
from usher_inference.understanding.cities import CITIES
from usher_inference.understanding.lexicon import word_list
from usher_inference.understanding.model import CityMention
from usher_inference.understanding.passage import MASK, Passage

# Everyday words in lower case: a city only after "in" and its kin, or with a capital letter.
_WORDLIKE = frozenset(
    word_list("la sd ny dc kc mesa aurora lincoln buffalo orlando cork perth reno chandler bos phila frisco stl nola")
)
_STATE = (
    r"(?:,?\s*(?:al|ak|az|ar|ca|co|ct|de|fl|ga|hi|id|il|ia|ks|ky|la|md|ma|mi|mn|ms|mo|mt|ne|nv|nh|nj|nm|ny|"
    r"nc|nd|oh|ok|or|pa|ri|sc|sd|tn|tx|ut|vt|va|wa|wv|wi|wy|bc|on|qc|ab|uk|usa|nsw)\b\.?"
    r"(?<! in)(?<! or)(?<! ok)(?<! hi)(?<! me)(?<! on)(?<! la)|,?\s*(?:u\.k\.|u\.s\.a?\.?|d\.c\.)|"
    r",\s*(?:in|or|ok|hi|me|on|la)\b(?=\W|$)(?!\s+[a-z])|"
    r",?\s*(?:arizona|california|colorado|florida|georgia|illinois|massachusetts|michigan|minnesota|nevada|"
    r"new jersey|north carolina|ohio|oregon|pennsylvania|tennessee|texas|utah|"
    r"washington state|british columbia|ontario|quebec|alberta|canada|england|scotland|ireland|"
    r"united kingdom|australia|france|germany|spain|italy|japan|mexico|united states)\b)"
)
_LEAD = (
    r"(?:in|near|around|at|from|to|for|visiting|within|inside|outside|downtown|by|be in|of|prefer|city is|"
    r"search|about)"
)
_TEAMLIKE = re.compile(
    r"\s+(?:vs?\b|versus\b|against\b|fc\b|united\b|city\b|[A-Z][a-z]+s\b|symphony|philharmonic|opera\b|"
    r"jazz\b|heat\b|magic\b|(?:[A-Z]\w+ )*Festival)"
)
_NOT_CITIES = frozenset(
    word_list(
        "i me the a an it them my your our this that those these there here town city area general section row "
        "seats seat tickets ticket "
        "event events show game match concert music sports rock pop jazz january february march april may june "
        "july august september "
        "october november december monday tuesday wednesday thursday friday saturday sunday today tomorrow "
        "tonight usher order "
        "please thanks least most all any some about advance total person stadium arena theatre theater center "
        "centre hall "
        "something anything somewhere anywhere nothing blues country hip electronic classical baseball "
        "basketball football soccer hockey"
    )
)
_UNKNOWN = re.compile(
    r"\b(?<!interested )(?:in|near|around|(?<![A-Za-z] )In|Near|Around|visiting|downtown|"
    r"city is)\s+(?:the\s+(?=(?:\S+\s+){0,2}\S+\s+area))?(?:city of\s+)?"
    r"(?P<city>[A-Z][\w'.-]*[\w](?:[ -][A-Z][\w'.-]*\w){0,3})"
)
# A name in lower case only where it closes the sentence: "anything in yountville?"
_UNKNOWN_LOW = re.compile(
    r"\b(?<!interested )(?<!been )(?:in|near|around|"
    r"city is)\s+(?P<city>[a-z]{4,}(?:\s(?!please)[a-z]{4,})?)(?:\s+(?:please|area))?\s*(?=$|[.?!,¦])"
)
_SLIPS = 2
_PLACED_WORD = re.compile(r"(?:\b(?P<lead>in|near|around|from|visiting|to)\s+)?\b(?P<word>[a-z]+(?: [a-z]{4,})?)")
_NO_PLACE = frozenset(
    word_list(
        "mind advance general person front back theory fact particular order touch common charge short time "
        "line cash full return addition case "
        "there here town total stock case love half middle theaters theatres cinemas fall spring summer winter "
        "autumn evening morning afternoon night "
        "future past present days weeks months week month next this that these those budget downtown nearby "
        "home work school college friends "
        "family trouble pain public private english spanish french cart seats rows sections sale luck minute "
        "second hour moment between together around"
    )
)
_NO_MISSPELT = (
    COMMON
    | _NOT_CITIES
    | _NO_PLACE
    | frozenset(word_list("party parts sales lines hamster diver dover brighten portal mesas perish"))
)
# "Augusta, GA" as the whole message.
_WITH_STATE = re.compile(r"^\W*(?P<city>[A-Z][a-z]+(?: [A-Z][a-z]+)?), ?[A-Z]{2}\W*$")
_ASKS_CITY = re.compile(
    r"\b(?:(?:which|what|particular|specific|preferred|any)\s+(?:\w+\s+)?(?:city|cities|location|place|"
    r"area|town)|city|where\b(?!\s+(?:it|the event) (?:is|takes)))"
)
_ANSWER = re.compile(
    r"^\W*(?:(?:i'?d like|i would like|i'?d prefer|i prefer|i want|i'?m in|in|near|around|maybe|"
    r"let'?s (?:try|do|say)|how about|try|probably|um|well|yes|sure|it'?s|just|only|"
    r"somewhere in)[\s,]+)*(?P<city>[a-z][a-z'.-]+(?:\s[a-z'.-]+){0,2}?)(?:\s+(?:please|pls|area|"
    r"would be (?:great|fine|good|nice)|is (?:fine|good|best)|works|thanks))?\W*$"
)


@lru_cache(maxsize=256)
def _known(extra: tuple[str, ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """One pattern of every known spelling, longest first, and the full name each stands for."""
    names = {short: full for full, shorts in CITIES.items() for short in shorts}
    for city in extra:
        names.setdefault(re.split(r"\s*,", city.lower())[0], re.split(r"\s*,", city)[0])
    spellings = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![\w.])(?P<name>{spellings})(?![\w])(?P<state>{_STATE})?(?:\s+city\b)?"), names


def normalise_city(name: str, hints: Sequence[str] = ()) -> str:
    """The common full name of a city as written: "NYC" -> "New York", "Phoenix, AZ" -> "Phoenix"."""
    pattern, names = _known(tuple(hints))
    match = pattern.fullmatch(name.strip().lower())
    return names[match["name"]] if match else re.split(r"\s*,", name.strip())[0]


def asks_city(assistant: str) -> bool:
    """Whether the assistant asked where."""
    questions = re.findall(r"[^.!?\n]*\?", assistant.lower())  # a listed name such as "River City" asks for nothing
    return any(_ASKS_CITY.search(question) for question in questions)


def read_city(passage: Passage, hints: Sequence[str], *, asked: bool) -> CityMention | None:
    """Claim a city. `asked`: the assistant asked for one, so that a bare unknown name is one too."""
    pattern, names = _known(tuple(hints))
    best: tuple[int, re.Match[str]] | None = None
    for match in pattern.finditer(passage.open):
        rank = _rank(passage, match, asked)
        if rank and (best is None or rank >= best[0]):
            best = (rank, match)
    if best:
        match = best[1]
        passage.claim(*match.span())
        return CityMention(passage.surface(*match.span()).strip(), names[match["name"]])
    return _read_misspelt(passage, names, asked) or _read_unknown(passage, asked)


def _read_misspelt(passage: Passage, names: dict[str, str], asked: bool) -> CityMention | None:
    """Claim a known city with a slip in it, where a city is due: after "in", or as the whole message."""
    for match in _PLACED_WORD.finditer(passage.open):
        if not (match["lead"] or asked or match.span() == (0, len(passage.open.rstrip(" .?!")))):
            continue
        for word in dict.fromkeys((match["word"], match["word"].split()[0])):
            meant = None if set(word.split()) & _NO_MISSPELT else _nearest(word, names)
            if meant:
                end = match.start("word") + len(word)
                passage.claim(match.start("word"), end)
                return CityMention(passage.surface(match.start("word"), end), names[meant])
    return None


def _nearest(word: str, names: dict[str, str]) -> str | None:
    """The known spelling that a word may be a slip of; short words have too many neighbours to tell."""
    if len(word) < 5:
        return None
    found = process.extractOne(word, names.keys(), scorer=fuzz.ratio, score_cutoff=83)
    near = found and found[0][0] == word[0] and len(found[0]) >= 5 and OSA.distance(word, found[0]) <= _SLIPS
    return found[0] if found and near else None


def _rank(passage: Passage, match: re.Match[str], asked: bool) -> int:
    """How sure a known spelling is a place here: 0 not at all, more is surer."""
    before, after = passage.open[: match.start()], passage.text[match.end() :]
    placed = re.search(rf"\b{_LEAD}\s+(?:the\s+)?$", before) is not None
    if re.search(
        r"\b(?:vs?\.?|versus|against|not(?: in)?|(?:any|every)\w* (?:but|except)|instead of|rather than)\s+$", before
    ):
        return 0
    if _TEAMLIKE.match(after) and not match["state"]:
        return 0
    word = match["name"]
    capital = passage.text[match.start()].isupper() or "." in word
    if word in _WORDLIKE and not (capital or placed or asked):
        return 0
    in_place = re.search(r"\b(?:in|near|around|visiting|at)\s+(?:the\s+)?$", before) is not None
    return 1 + placed + 2 * in_place


def _read_unknown(passage: Passage, asked: bool) -> CityMention | None:
    for match in _UNKNOWN.finditer(_with_case(passage)):
        name = match["city"]
        words = name.lower().split()
        if any(word.strip(".'") in _NOT_CITIES for word in words) or re.match(
            r"\s*(?:vs|\d)", passage.low[match.end() :]
        ):
            continue
        state = re.compile(_STATE).match(passage.open, match.end())
        end = state.end() if state else match.end()
        passage.claim(match.start("city"), end)
        return CityMention(passage.surface(match.start("city"), end), name, known=False)
    stated = _WITH_STATE.match(_with_case(passage))
    if stated and not set(stated["city"].lower().split()) & (_NOT_CITIES | _NO_PLACE | COMMON):
        passage.claim(*stated.span())
        return CityMention(passage.surface(*stated.span()), stated["city"], known=False)
    low = _UNKNOWN_LOW.search(passage.open)
    if low and not set(low["city"].split()) & (_NOT_CITIES | _NO_PLACE | COMMON):
        passage.claim(*low.span("city"))
        return CityMention(passage.surface(*low.span("city")), low["city"].title(), known=False)
    if asked:
        answer = _ANSWER.match(passage.open)
        if answer and not set(answer["city"].split()) & (_NOT_CITIES | _NO_ANSWER):
            start, end = answer.span("city")
            passage.claim(start, end)
            return CityMention(passage.surface(start, end), passage.surface(start, end).title(), known=False)
    return None


_NO_ANSWER = frozenset(
    word_list(
        "no not yes sure what who how why is are do does can could would don't doesn't anywhere nowhere matter "
        "care mind know tell show find "
        "get see buy want need help you ok okay great good fine never cancel stop nah nope preference none "
        "both either whatever"
    )
)


def _with_case(passage: Passage) -> str:
    """The customer's own text with claimed characters blotted out."""
    return "".join(mark if mark == MASK else char for char, mark in zip(passage.text, passage.open, strict=True))
