"""Words with a fixed part in a question."""

from __future__ import annotations

from usher_inference.insights.parsing.model import Bucket, Function, Operator
from usher_inference.insights.parsing.words import listed, stem

FUNCTIONS: dict[tuple[str, ...], Function] = {
    ("how", "many"): "count",
    ("total", "number", "of"): "count",
    ("number", "of"): "count",
    ("count", "of"): "count",
    ("count",): "count",
    ("counts",): "count",
    ("the", "amount", "of"): "sum",
    ("how", "much"): "sum",
    ("total",): "sum",
    ("sum", "of"): "sum",
    ("sum",): "sum",
    ("overall",): "sum",
    ("combined",): "sum",
    ("average",): "avg",
    ("mean",): "avg",
    ("avg",): "avg",
    ("typical",): "avg",
    ("maximum",): "max",
    ("max",): "max",
    ("minimum",): "min",
    ("min",): "min",
    ("median",): "median",
    ("percentage", "of"): "share",
    ("percentage",): "share",
    ("percent", "of"): "share",
    ("share", "of"): "share",
    ("proportion", "of"): "share",
    ("fraction", "of"): "share",
    ("what", "share"): "share",
    ("ratio", "of"): "share",
    ("volume", "of"): "count",
}
DISTINCT = frozenset({"distinct", "different", "unique"})
GROUPING = tuple(
    sorted(
        (
            tuple(phrase.split())
            for phrase in (
                "by",
                "per",
                "for each",
                "for every",
                "each",
                "every",
                "in each",
                "of each",
                "in every",
                "across",
                "split by",
                "broken down by",
                "grouped by",
                "group by",
                "breakdown by",
                "by each",
                "at each",
                "from each",
                "on each",
                "depending on",
                "as a function of",
                "segmented by",
                "across all",
            )
        ),
        key=len,
        reverse=True,
    )
)
BUCKETS: dict[tuple[str, ...], Bucket] = {
    ("hour", "of", "the", "day"): "hour of day",
    ("hour", "of", "day"): "hour of day",
    ("time", "of", "day"): "hour of day",
    ("day", "of", "the", "week"): "weekday",
    ("day", "of", "week"): "weekday",
    ("weekday",): "weekday",
    ("weekdays",): "weekday",
    ("calendar", "week"): "week",
    ("calendar", "month"): "month",
    ("hour",): "hour",
    ("day",): "day",
    ("week",): "week",
    ("month",): "month",
    ("quarter",): "quarter",
    ("year",): "year",
}
ADVERBS: dict[str, Bucket] = {
    "hourly": "hour",
    "daily": "day",
    "weekly": "week",
    "monthly": "month",
    "quarterly": "quarter",
    "yearly": "year",
    "annual": "year",
    "annually": "year",
}
COMPARISONS: dict[tuple[str, ...], Operator] = {
    ("more", "than"): ">",
    ("over",): ">",
    ("above",): ">",
    ("greater", "than"): ">",
    ("exceeding",): ">",
    (">",): ">",
    ("at", "least"): ">=",
    (">=",): ">=",
    ("no", "less", "than"): ">=",
    ("or", "more"): ">=",
    ("minimum", "of"): ">=",
    ("less", "than"): "<",
    ("under",): "<",
    ("below",): "<",
    ("fewer", "than"): "<",
    ("<",): "<",
    ("at", "most"): "<=",
    ("<=",): "<=",
    ("up", "to"): "<=",
    ("no", "more", "than"): "<=",
    ("maximum", "of"): "<=",
    ("exactly",): "=",
    ("equal", "to"): "=",
    ("equals",): "=",
    ("=",): "=",
    ("of", "exactly"): "=",
    ("!=",): "<>",
    ("<>",): "<>",
    ("between",): "between",
}
# adjectives by what they measure: words of columns, the best first; none is the number of rows
LENGTHS = ("duration", "length", "pages", "distance", "time", "minutes", "seconds")
PRICES = ("price", "cost", "fare", "total", "amount", "value")
SIZES = ("total", "amount", "value", "size", "quantity", "count", "price", "fare", "revenue")
AGES = ("age", "year", "time", "date", "at", "on")
ADJECTIVES: dict[str, tuple[bool, tuple[str, ...]]] = {
    "long": (True, LENGTHS),
    "short": (False, LENGTHS),
    "slow": (True, LENGTHS),
    "fast": (False, LENGTHS),
    "quick": (False, LENGTHS),
    "expensive": (True, PRICES),
    "pricey": (True, PRICES),
    "costly": (True, PRICES),
    "cheap": (False, PRICES),
    "large": (True, SIZES),
    "big": (True, SIZES),
    "small": (False, SIZES),
    "high": (True, SIZES),
    "low": (False, SIZES),
    "great": (True, SIZES),
    "old": (False, AGES),
    "young": (True, AGES),
    "new": (True, AGES),
    "late": (True, AGES),
    "recent": (True, AGES),
    "early": (False, AGES),
    "busy": (True, ()),
    "popular": (True, ()),
    "common": (True, ()),
    "frequent": (True, ()),
    "active": (True, ()),
    "often": (True, ()),
    "rare": (False, ()),
}
_IRREGULAR = {
    "busiest": "busy",
    "biggest": "big",
    "most": "",
    "least": "",
    "best": "",
    "latest": "late",
    "largest": "large",
    "cheapest": "cheap",
    "priciest": "pricey",
    "costliest": "costly",
    "earliest": "early",
}
_COMPARATIVES = {
    "bigger": "big",
    "larger": "large",
    "pricier": "pricey",
    "costlier": "costly",
    "earlier": "early",
    "later": "late",
}
TIMELIKE = frozenset({"late", "recent", "new", "old", "early"})
# what may stand in a question without adding to it
IDLE = frozenset(
    listed(
        """a an the is are was were be been being am do does did done has have had having will would can could
        may might should i me my we us our you your it its they them their he she this that these those there
        here what which who whom whose where when how of in on at to for from with within as and or but then
        than so if please show list give tell display find get see want need know like let calculate compute
        compare comparison plot chart graph draw visualise visualize breakdown break down look up out make
        made use used take took taken happen happened occur occurred record recorded receive received come
        came go went gave given sold sell write wrote written collect collected ride ridden any all each
        during over time overall just only also much many placed bought us's me's into per among amongst one-
        by-one value values data records rows entries number numbers figure figures had's first last current
        currently currently's now sorted ordered order's descending ascending respectively ever exist exists
        contain contains belong belongs group grouped split broken trend trends evolution development"""
    )
)
LISTING = frozenset({"list", "show", "give", "display", "find", "get", "see"})
NEGATIONS = frozenset(
    {
        "not",
        "except",
        "excluding",
        "without",
        "isn't",
        "aren't",
        "wasn't",
        "weren't",
        "haven't",
        "hasn't",
        "didn't",
        "never",
        "non",
        "no",
        "exclude",
        "lacking",
        "missing",
    }
)
UNITS: dict[str, float] = {
    "millisecond": 0.001,
    "ms": 0.001,
    "second": 1.0,
    "sec": 1.0,
    "s": 1.0,
    "minute": 60.0,
    "min": 60.0,
    "hour": 3600.0,
    "dollar": 1.0,
    "usd": 1.0,
    "euro": 1.0,
    "eur": 1.0,
    "pound": 1.0,
    "gbp": 1.0,
    "km": 1.0,
    "kilometre": 1.0,
    "kilometer": 1.0,
}
UNITS = {stem(word): size for word, size in UNITS.items()}
CURRENCY_UNITS = {"dollar": "USD", "usd": "USD", "euro": "EUR", "eur": "EUR", "pound": "GBP", "gbp": "GBP"}


def superlative(word: str) -> str | None:
    """The adjective of "longest"; None for other words."""
    if word in _IRREGULAR:
        return _IRREGULAR[word] or None
    if not word.endswith("est"):
        return None
    return next((each for each in (word[:-3], word[:-2], word[:-4] + "y", word[:-4]) if each in ADJECTIVES), None)


def comparative(word: str) -> str | None:
    """The adjective of "longer"; None for other words."""
    if word in _COMPARATIVES:
        return _COMPARATIVES[word]
    if not word.endswith("er"):
        return None
    return next((each for each in (word[:-2], word[:-1], word[:-3] + "y") if each in ADJECTIVES), None)
