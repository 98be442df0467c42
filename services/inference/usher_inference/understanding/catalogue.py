"""Finding the catalogue's own names in a message: exact, misspelt, or in part ("the Sharks" of "Sharks vs Kings")."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from rapidfuzz import fuzz, process

from usher_inference.understanding.lexicon import word_list
from usher_inference.understanding.model import EventMention
from usher_inference.understanding.passage import MASK, Passage

_TOKEN = re.compile(r"[a-z0-9À-ÿ]+(?:[.'/][a-z0-9À-ÿ]+)*|&|@")
_SPOKEN = {
    "vs.": "vs",
    "v": "vs",
    "versus": "vs",
    "against": "vs",
    "@": "vs",
    "v.s": "vs",
    "&": "and",
    "n": "and",
    "fest": "festival",
    "feat": "with",
}
# Words that make a name of their own only where the sentence shows it: everyday words and the trade's.
COMMON = frozenset(
    word_list(
        "a about all am an and any anything are around as at back be best big both but by can check city club "
        "come concert concerts "
        "could date dates day days did do does double down each event events every family festival find first "
        "five for four free friend "
        "friends from fun game games get grab girl girls give go going good got great group had happening has have "
        "heard heart help her here "
        "high him his home house how i if in interested is it its just kids kind know last let life light "
        "lights like list live local "
        "long look looking lost love low make match may maybe me money month more most moving much music my "
        "name need new next nice "
        "night no north not now of off ok on once one only open or other our out over part people perfect "
        "place play player playing "
        "please pop pup queen red rent right rock room run sam same sat save say school seat seats see seen "
        "she should show shows side "
        "so some something south sports stage star stars state still street sun sure take team tell text thank "
        "thanks that the their "
        "them then there these they thing things think this those three ticket tickets time to today tomorrow "
        "tonight too tour town "
        "train tuxedo two united up us use venue vs want was watch water way we week well went were what when "
        "where which who why will "
        "wish with work world would year yes yet you young your interesting available around area book buy "
        "purchase search try cost "
        "price hold order upgrade refund change section row friday saturday sunday monday tuesday wednesday "
        "thursday"
    )
)
_LEAD = re.compile(
    r"(?:\b(?:see|watch|catch|attend|to|for|called|named|is|like|about|by|as|of|hear|heard|heard that|"
    r"prefer|event|be|maybe|in|into|love|enjoy|on|at)|[\"':]|^)\s*(?:the\s+)?\W?$"
)
_PRAISED = re.compile(
    r"\s+(?:is|was|are|were)\s+(?:\w+\s+){0,3}?(?:good|nice|great|awesome|fun|amazing|supposed|wonderful|excellent)\b"
)


def spoken_tokens(text: str) -> list[str]:
    """The words of a name as compared: lower case, "versus" and its kin as "vs", no leading article."""
    tokens = [
        _SPOKEN.get(token.strip("."), token.strip(".").replace("'", "")) for token in _TOKEN.findall(text.lower())
    ]
    return tokens[1:] if len(tokens) > 1 and tokens[0] == "the" else tokens


@dataclass(frozen=True)
class _Index:
    names: dict[str, str]  # compared form: the catalogue's own
    holders: dict[str, frozenset[str]]  # word: compared forms that hold it
    joined: dict[str, tuple[str, str]]  # two words of a name written as one
    longest: int
    words: tuple[str, ...]


@lru_cache(maxsize=64)
def _index(names: tuple[str, ...]) -> _Index:
    compared = {" ".join(tokens): name for name in names if (tokens := spoken_tokens(name))}
    holders: dict[str, set[str]] = {}
    for form in compared:
        for word in form.split():
            holders.setdefault(word, set()).add(form)
    joined = {a + b: (a, b) for form in compared for a, b in pairwise(form.split()) if len(a + b) >= 7}
    return _Index(
        compared,
        {word: frozenset(forms) for word, forms in holders.items()},
        joined,
        max((len(form.split()) for form in compared), default=0),
        tuple(word for word in holders if len(word) >= 4),
    )


@dataclass(frozen=True)
class _Word:
    text: str  # as compared, mended to the catalogue's spelling
    start: int
    end: int
    exact: bool


def find_named(passage: Passage, names: Sequence[str], *, whole_answer: bool = False) -> EventMention | None:
    """Claim the catalogue name the message holds, in full or misspelt; the longest, then the last one wins.

    `whole_answer`: the assistant asked for the event, so an everyday word alone may be its name.
    """
    index = _index(tuple(names))
    if not index.names:
        return None
    words = _words(passage, index)
    best: tuple[int, float, int, int, str] | None = None
    for size in range(min(index.longest, len(words)), 0, -1):
        for at in range(len(words) - size + 1):
            run = words[at : at + size]
            name = index.names.get(" ".join(word.text for word in run))
            if name and _stands_as_name(passage, run, whole_answer=whole_answer and len(words) <= 3):
                score = 100.0 if all(word.exact for word in run) else 90.0
                found = (size, score, run[0].start, run[-1].end, name)
                best = max(best, found) if best else found
    if best:
        _, score, start, end, name = best
        passage.claim(start, end)
        return EventMention(passage.surface(start, end), name, score)
    return None


def match_surface(surface: str, names: Sequence[str]) -> EventMention:
    """A name cut out of the sentence, matched to the catalogue as a whole, allowing for misspelling."""
    index = _index(tuple(names))
    wanted = " ".join(spoken_tokens(surface))
    hit = process.extractOne(wanted, list(index.names), scorer=fuzz.ratio, score_cutoff=84) if wanted else None
    wanted = wanted.replace(" vs the ", " vs ")
    if hit is None and " vs " in wanted:  # both teams by their nicknames
        played = [form for form in index.names if " vs " in form and _both_sides(wanted, form)]
        hit = (played[0], 80.0, 0) if len(played) == 1 else None
    if hit is None or (" vs " in wanted and not _same_sides(wanted, hit[0])):
        return EventMention(surface)
    return EventMention(surface, index.names[hit[0]], round(hit[1], 1))


def _both_sides(wanted: str, form: str) -> bool:
    """Whether the two names of "X vs Y" are the last words, but for slips, of the two sides of a game, either way."""
    wants, sides = wanted.split(" vs "), form.split(" vs ")
    if len(wants) != 2 or len(sides) != 2:
        return False
    pairs = (zip(wants, sides, strict=True), zip(wants, sides[::-1], strict=True))
    return any(all(_is_nickname(want, side) for want, side in pair) for pair in pairs)


def _is_nickname(want: str, side: str) -> bool:
    own, full = want.removeprefix("the ").split(), side.split()
    tail = full[-len(own) :] if own else []
    return len(own) == len(tail) > 0 and fuzz.ratio(" ".join(own), " ".join(tail)) >= 82


def _same_sides(wanted: str, form: str) -> bool:
    """Whether each word of "X vs Y" is, but for slips of the finger, one of the name's: "Pucks" is not "Ducks"."""
    known = form.split()
    return all(
        any(word[0] == name[0] and fuzz.ratio(word, name) >= 75 for name in known)
        for word in wanted.split()
        if len(word) >= 3
    )


def find_part(passage: Passage, names: Sequence[str]) -> EventMention | None:
    """Claim words that only belong to catalogue names ("huichica festival"); the hint is set if one name fits best."""
    index = _index(tuple(names))
    words = _words(passage, index)
    telling = [
        word
        for word in words
        if word.start >= passage.lead
        and word.text in index.holders
        and word.text not in COMMON
        and len(word.text) >= 3
        and _told(word, index)
    ]
    if not telling:
        return _find_plain_part(passage, words, index)
    fits: dict[str, float] = {}
    for word in telling:
        for form in index.holders[word.text]:
            fits[form] = fits.get(form, 0.0) + 1.0
    ranked = sorted(fits.items(), key=lambda item: (-item[1], len(item[0])))
    top = ranked[0][1]
    equals = [form for form, fit in ranked if fit == top]
    named = [word for word in telling if word.text in equals[0].split()]
    start, end = named[0].start, named[-1].end
    if MASK in passage.open[start:end] or end - start > 60:
        end = named[0].end
    if _is_longer_name(passage, start, end, index):
        return None
    passage.claim(start, end)
    return EventMention(passage.surface(start, end), index.names[equals[0]] if len(equals) == 1 else None, 70.0)


def _find_plain_part(passage: Passage, words: list[_Word], index: _Index) -> EventMention | None:
    """Claim two everyday words that stand together in one name alone ("the lights festival")."""
    for first, second in pairwise(words):
        if min(len(first.text), len(second.text)) < 4 or MASK in passage.open[first.start : second.end]:
            continue
        pair = f" {first.text} {second.text} "
        holders = index.holders.get(first.text, frozenset()) & index.holders.get(second.text, frozenset())
        fitting = [form for form in holders if pair in f" {form} "]
        if len(fitting) == 1:
            passage.claim(first.start, second.end)
            return EventMention(passage.surface(first.start, second.end), index.names[fitting[0]], 65.0)
    return None


def _is_longer_name(passage: Passage, start: int, end: int, index: _Index) -> bool:
    """Whether the words run on into words of no name here: "Neon Harbor" is not "Comets vs Harbor Gulls"."""
    before = re.search(r"(?P<word>[\w'&]+) $", passage.text[:start])
    after = re.match(r" (?P<word>[\w'&]+)", passage.text[end:])
    strangers = [
        word for match in (before, after) if match and _is_strange(word := match["word"], index) and word[0].isupper()
    ]
    led = before and re.search(r"\b(?:for|to|see|about|called|named)\s+(?:the\s+)?$", passage.low[: before.start()])
    return bool(strangers) or bool(led and before and _is_strange(before["word"], index))


def _is_strange(word: str, index: _Index) -> bool:
    """A word that is neither an everyday one nor of any of the names."""
    low = word.lower()
    return len(low) >= 3 and low.isalpha() and low not in COMMON and low not in index.holders and low not in _SPOKEN


def _told(word: _Word, index: _Index) -> bool:
    """Whether the word tells names apart: it is in few of them."""
    return len(index.holders[word.text]) <= max(5, len(index.names) // 10)


def _words(passage: Passage, index: _Index) -> list[_Word]:
    words: list[_Word] = []
    for match in _TOKEN.finditer(passage.open):
        raw = match.group().strip(".")
        text = _SPOKEN.get(raw, raw.replace("'", ""))
        if text not in index.holders and text.endswith("s") and "'" in raw and text[:-1] in index.holders:
            text = text[:-1]
        if text not in index.holders and text in index.joined:
            words.extend(_Word(part, match.start(), match.end(), exact=False) for part in index.joined[text])
            continue
        led = match.start() < passage.lead  # "Nope" is no slip of "Hope"
        if not led and text not in index.holders and text not in COMMON and len(text) >= 4 and text.isalpha():
            close = process.extractOne(text, index.words, scorer=fuzz.ratio, score_cutoff=82)
            if close and close[0] not in COMMON:
                words.append(_Word(close[0], match.start(), match.end(), exact=False))
                continue
        words.append(_Word(text, match.start(), match.end(), exact=True))
    return words


def _stands_as_name(passage: Passage, run: list[_Word], *, whole_answer: bool) -> bool:
    """Everyday words ("low", "friends") are a name only with a capital inside the sentence or in a name's place."""
    before = passage.low[: run[0].start]
    if MASK in passage.open[run[0].start : run[-1].end]:
        return False
    if len(run) > 2 or (len(run) > 1 and not all(word.text in COMMON for word in run)):
        return True
    if len(run) == 1 and run[0].text not in COMMON:
        return run[0].exact or len(run[0].text) >= 5
    if whole_answer or (
        _PRAISED.match(passage.low[run[-1].end :]) and re.search(r"(?:^|\b(?:heard|think|that|about))\W*$", before)
    ):
        return True
    capital = all(
        passage.text[word.start].isupper() for word in run if word.text not in ("of", "the", "in", "to", "is", "and")
    )
    inside = re.search(r"[a-z,'\"]\s+[\"'(]?$", passage.text[: run[0].start]) is not None
    return capital and (inside or _LEAD.search(passage.low[: run[0].start]) is not None)
