"""A message being read: typographic marks evened out, and the parts already understood blotted out.

Readers run from the most to the least specific; each claims the characters it understood, so that a later one never
takes a date, a price or a section number for a quantity.
"""

import re
from collections.abc import Iterable

from rapidfuzz.distance import OSA

from usher_inference.understanding.lexicon import word_list

MASK = "¦"

_EVEN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\u00a0": " ", "\n": " ", "\t": " "})

# Words worth mending: long enough that one slip of the finger cannot turn them into another common word.
_MENDED = word_list(
    "tickets ticket tomorrow tonight monday tuesday wednesday thursday friday saturday sunday weekend january "
    "february september october november december section upgrade refund exchange cancel purchase together "
    "cheaper cheapest wheelchair accessible concert basketball baseball football hockey soccer comedy theatre "
    "theater parking available"
)
_LEFT_ALONE = frozenset(
    word_list(
        "ticketed weekends weekday weekdays cheapen concerts concerto cancels canceled cancelled purchased purchases "
        "parting packing barking exchanged exchanges upgraded upgrades refunds sections sectional comedies comedian "
        "theatres theaters accessibly sundays mondays fridays tuesdays thursdays saturdays wednesdays thicket fried "
        "fridge concern concert's canceling cancelling refunded"
    )
)
_SHORTHAND = {
    "nxt": "next",
    "wanna": "want to",
    "gonna": "going to",
    "gimme": "give me",
    "lemme": "let me",
    "pls": "please",
    "plz": "please",
    "nite": "night",
    "u": "you",
    "ur": "your",
    "r": "are",
    "im": "i'm",
    "dont": "don't",
    "doesnt": "doesn't",
    "didnt": "didn't",
    "cant": "can't",
    "wont": "won't",
    "isnt": "isn't",
    "arent": "aren't",
    "whats": "what's",
    "thats": "that's",
    "wheres": "where's",
    "whos": "who's",
    "ive": "i've",
    "ill": "i'll",
    "weve": "we've",
    "teh": "the",
    "tikcets": "tickets",
    "tciket": "ticket",
    "tickts": "tickets",
    "tkts": "tickets",
    "tckets": "tickets",
    "tix": "tickets",
    "tixs": "tickets",
    "tiks": "tickets",
    "thx": "thanks",
    "bday": "birthday",
    "wknd": "weekend",
    "abt": "about",
    "em": "them",
    "tmrw": "tomorrow",
    "tmr": "tomorrow",
    "2moro": "tomorrow",
    "2morrow": "tomorrow",
    "2mrw": "tomorrow",
    "2day": "today",
    "2nite": "tonight",
    "2night": "tonight",
    "tonite": "tonight",
}
_SHORT = re.compile(
    rf"(?<![\w.'&-])(?:{'|'.join(sorted(_SHORTHAND, key=len, reverse=True))})(?![\w.'&-])", re.IGNORECASE
)
# A greeting, a yes or no, a sigh before what is said: never a name, even with a capital.
_AT_ONCE = r"hiya|heya|sup|what'?s up|g'?day|oi|nope|nah|naw|hm+|um+|uh+|erm?|ooh|yeah|yep|yup"
_INTERJECTION = (
    r"(?:good )?(?:morning|afternoon|evening)|hi+|hello|hey+|yo|no|yes|ok(?:ay)?|oh|ah|well|so|right|great|brilliant|"
    r"perfect|excellent|lovely|fantastic|amazing|awesome|wonderful|cool|nice|good|fine|alright|all right|sure|cheers|"
    r"thanks|thank you|sorry|oops|please|stop|wait|actually|super|fab|sweet|grand|exactly|correct|agreed|deal|wow|ugh|"
    r"damn|yay|woo+|sure thing|of course|never ?mind|forget it|scrap that|scratch that|hang on|hold on|no thanks?"
)
_LEADING = re.compile(
    rf"\W*(?:(?:(?:{_AT_ONCE})\b|(?:{_INTERJECTION})(?:\s+(?:there|all|everyone|folks|mate|then|"
    rf"usher))?(?=\s*(?:[,.!?;:-]|$)))"
    r"[\s,.!?;:-]*)+"
)
_SPACES = re.compile(r" {2,}")
# "tickets 4 2", "2 tix 4 Hamlet": the figure stands for the word.
_FOR = re.compile(r"(?<=\btickets )4(?= (?:\d|[a-z]))|(?<=\bseats )4(?= (?:\d|[a-z]))", re.IGNORECASE)
_TWO = re.compile(r"\b(get|buy|book|want|need|have|like) too? (?=(?:tickets|seats)\b)", re.IGNORECASE)  # "too tickets"
# "is the cheapest one", where "it's" was meant; with a question mark it is a question.
_ITS = re.compile(
    r"^\W*is (?=the (?:cheapest|best|first|second|third|last|closest|other) (?:ones?|seats?|tickets?)[ .!]*$)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z]{6,}", re.IGNORECASE)


def mend(text: str) -> str:
    """The text with slips in the trade's own long words put right ("tomorow" -> "tomorrow"); names are left alone."""

    def put_right(match: re.Match[str]) -> str:
        word = match.group()
        low = word.lower()
        if low in _MENDED or low in _LEFT_ALONE:
            return word
        limit = 2 if len(low) >= 8 else 1
        for right in _MENDED:
            near = right[0] == low[0] and abs(len(right) - len(low)) <= limit and right + "s" != low
            if near and OSA.distance(low, right, score_cutoff=limit) <= limit:
                return right.capitalize() if word[0].isupper() else right
        return word

    written = _WORD.sub(put_right, _FOR.sub("for", _SHORT.sub(_write_out, text)))
    return _ITS.sub("", _TWO.sub(r"\1 two ", written))


def _write_out(match: re.Match[str]) -> str:
    """A shorthand in full; one in capitals inside other case may be a name ("U2", "R.E.M.", "The U") and stays."""
    short = match.group()
    return short if short.isupper() and len(short) == 1 else _SHORTHAND[short.lower()]


class Passage:
    """One message under reading. `text` keeps case; `open` is lower case with claimed characters as `MASK`."""

    def __init__(self, message: str) -> None:
        self.text = mend(_SPACES.sub(" ", message.translate(_EVEN)))
        # Character by character: lower-casing some letters would change the length, and offsets with it.
        self.low = "".join(low if len(low := char.lower()) == 1 else char for char in self.text)
        self.open = self.low
        leading = _LEADING.match(self.low)
        self.lead = leading.end() if leading else 0  # where the message's own words begin, past "hiya, " and "nah, "

    def claim(self, start: int, end: int) -> None:
        """Blot out characters start..end."""
        self.open = self.open[:start] + MASK * (end - start) + self.open[end:]

    def claim_all(self, spans: Iterable[tuple[int, int]]) -> None:
        """Blot out several spans."""
        for start, end in spans:
            self.claim(start, end)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first match among the open characters, claimed; None when there is none."""
        match = pattern.search(self.open)
        if match:
            self.claim(*match.span())
        return match

    def surface(self, start: int, end: int) -> str:
        """The customer's own words from start to end."""
        return self.text[start:end]
