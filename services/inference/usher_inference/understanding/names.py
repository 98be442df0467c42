"""Cutting an event's, artist's or team's name out of a sentence by where it stands, with no catalogue at hand."""

import re

from usher_inference.understanding.catalogue import COMMON
from usher_inference.understanding.lexicon import word_list
from usher_inference.understanding.passage import MASK, Passage

GENERIC = frozenset(
    word_list(
        "event events show shows game games concert concerts match matches performance gig tour ticket tickets "
        "seat seats something anything it them that this these those one ones some any me us my our your myself "
        "him her his you i we they he she there here someone somebody music sports sport rock pop jazz blues "
        "country folk reggae theater theatre comedy basketball baseball football soccer hockey cricket tennis "
        "play musical opera ballet band bands artist team teams venue section row order hold price prices cost "
        "costs sections upgrade refund parking time date dates day night week weekend person people friends "
        "friend wife husband family kids birthday fun what which who when where how why more other another else "
        "please thanks interesting good great nice cheap cheaper best better available details info information "
        "help options option city area town place places things thing stuff live local new next upcoming nearby "
        "and or the a an of in on at for with by to from is are be do does not no yes okay ok sure hi hello hey "
        "usher can could would will two three four five six seven eight nine ten customer service human agent "
        "everything nothing all both each sale hip hop heavy metal electronic classical christian latin "
        "hundred hundreds thousand thousands dozens "
        "alternative hiphop edm rap indie earlier later sooner closer nearer higher dearer looking am interested "
        "yo bought ordered booked paid reserved maybe try well yeah yep check go going been also oh about add "
        "number amount count quantity extra additional total change exact many few couple pair front back middle "
        "upper lower floor adjacent seated standing standard regular valid eticket mobile printed home away "
        "season opening closing final big early late cheapest most least own enough single double plenty half "
        "dozen adults adult children child wait different need wants wanted pleasure business purchase buy get "
        "book find see watch attend confirmation receipt mastercard visa card cash fees policy policies question "
        "questions same quick quickly really exchange return cancel release seating map chart view accessible "
        "less fewer nights days hours weeks yea yup yah ya nope nah okey expensive pricey steep dear overpriced "
        "year years old aged money limit object "
        "wheelchair aisle ada dancing dance kind sort type bit lot today tomorrow tonight monday "
        "tuesday "
        "wednesday thursday friday saturday sunday together apart side complain complaint complaining preferences data"
    )
)
# Said alone, these are no names to look for.
_IDLE = frozenset(
    word_list(
        "help menu test testing huh lol hmm hmmm start stop quit exit hello ok what haha wow cancel sorry "
        "never undo back"
    )
)
# A short message with one of these says something, and is no name.
_VERBLIKE = frozenset(
    word_list(
        "said say says won win lost lose did was were has have had is are am i he she we they it you this "
        "that no not yes why how what "
        "who por favor weather email discount discounts intermission useless stupid bad wrong awesome joke "
        "money because whole thing"
    )
)
_CAP = r"(?:[A-Z0-9](?:[\w'&!$+-]|\.(?=\w))*|[A-Z]\.)"
_JOINER = r"(?:of|the|and|&|de|la|del|el|los|von|van|'n'|n)"
_TITLE = rf"{_CAP}(?:\s+(?:{_JOINER}\s+){{0,2}}{_CAP})*"
_LOOSE = r"[a-z0-9][\w'.&!$+-]*(?:\s+[a-z0-9&][\w'.&!$+-]*){0,5}"
_VERSUS = r"\s+(?:[Vv][Ss]?\.?|[Vv]ersus|[Aa]gainst|@)\s+"
_STOP = (
    r"\b(?:on|in|at|for|with|please|pls|plz|and (?:i|we|me|my|ignore|charge|then|book|buy|hold|"
    r"please|make|give|use)|near|around|next|this|these|that|which|if|"
    r"but|because|so|is|are|was|will|would|can|could|"
    r"i|we|under|below|before|after|during|from|tonight|today|tomorrow|who|when|where|if|instead|now|"
    r"thanks|thank|game|games|show|shows|concert|concerts|match|gig|"
    r"event|events|performance|performances|tour|tickets?|tix|seats?|coming|playing|play|plays|perform|"
    r"performing|as|or|too|do|does|any|not|how|what|while|since|again|live)\b"
)
_LEADS = (
    r"(?:tickets?|tix|seats?|passes|spots)\s+(?:to\s+(?:go\s+)?(?:see\s+|watch\s+|attend\s+)?|"
    r"for\s+(?:a\s+|an\s+)?)(?:the\s+|an?\s+)?|"
    r"\b(?:see|watch|catch|seeing|watching|attend|attending)\s+(?:the\s+|an?\s+)?|\b(?:called|named|"
    r"titled)\s+(?:the\s+)?"
)
_SOFT_LEADS = (
    r"\b(?:like|such as|about|interested in|into|fan of|heard (?:that |of |about )?|event is|prefer|try|"
    r"maybe|by|featuring|love|want|for|to|that|know if|hear|"
    r"recommend|when (?:is|are|does|do|will)|is|are|dates? (?:for|of)|search(?: for)?|find(?: me)?|check|"
    r"how about|what about|named|buy|get|book)\s+(?:the\s+|an?\s+)?"
)
_PATTERNS: tuple[tuple[int, re.Pattern[str]], ...] = (
    (95, re.compile(rf"\b(?P<name>{_CAP}(?:\s+{_CAP}){{0,3}}{_VERSUS}(?:the\s+)?{_CAP}(?:\s+{_CAP}){{0,3}})")),
    (90, re.compile(rf"(?P<name>\b[\w'.]+(?:\s+(?!vs?\b)[\w'.]+)??{_VERSUS}(?:the\s+)?[\w'.]+(?:\s+[\w'.]+)?)")),
    (88, re.compile(rf"(?:{_LEADS})(?P<name>{_TITLE})")),
    (86, re.compile(rf"[\"'](?P<name>[^\"'{MASK}]{{2,50}})[\"'](?!\w)")),
    (
        84,
        re.compile(
            rf"(?P<name>{_TITLE})\s+(?:tickets?|tix|game|show|concert|match|gig|event|performance|tour|musical)s?\b"
        ),
    ),
    (82, re.compile(rf"(?:{_SOFT_LEADS})(?P<name>{_TITLE})")),
    (78, re.compile(rf"(?:{_LEADS})(?P<name>{_LOOSE})")),
    (
        74,
        re.compile(
            rf"(?:^|[.!?,:]\s+)(?P<name>{_TITLE})(?=\s+(?:is|are|was|has|seems?|sounds?|might|would|looks?|will|"
            rf"sold|still|available|cancelled|in|"
            rf"on|at|or|too|also|playing|live)\b|\s*[,{MASK}])"
        ),
    ),
    (
        73,
        re.compile(
            r"\b(?:does|do|is|are|will|did)\s+(?:the\s+)?(?P<name>[a-z][\w'&.-]+(?:\s[\w'&.-]+){0,3}?)\s+"
            r"(?:starts?|begins?|ends?|finish|cost|last|sold out|still on|suitable)\b"
        ),
    ),
    (
        72,
        re.compile(
            r"(?:^|\b(?:the|when|what|is|are|any)\s+)(?:doors?|parking|room|space|line-?up|policy|start time|"
            r"show ?time)\s+"
            rf"(?:for|at|of)\s+(?:the\s+)?(?P<name>{_LOOSE})"
        ),
    ),
    (
        72,
        re.compile(
            r"(?:^|[¦,.!?]\s*)(?P<name>[a-z][\w'&.-]+(?:\s[\w'&.-]+){0,3}?)(?:\s+(?:starts?|begins?|opens?|is on|"
            r"plays?)\s+"
            r"(?:when|what time|at what|exactly)\b|,\s+(?:that'?s|it'?s) (?:the one|it)\b)"
        ),
    ),
    (70, re.compile(rf"(?:^|\s)[a-z][\w']*[,:]?\s+[\"']?(?P<name>{_TITLE})")),
    (
        66,
        re.compile(
            r"(?:^|[,.!?;] ?|\b(?:want|need|get|buy|book|some|the|any|for|find|find me|got|have|a|an|"
            r"to)\s)\s*(?P<name>(?:[\w'&.-]+\s+){0,2}[\w'&.-]+)\s+(?:tickets?|tix|game|show|concert|match|gig)\b"
        ),
    ),
    (60, re.compile(rf"(?:^|[.!?,:]\s+)(?P<name>{_TITLE})(?=\s*(?:tickets|please|[.,!?{MASK}]|$))")),
)
_ALONE = re.compile(
    r"\W*(?:(?:i'?d like|i would like|i want|the|maybe|how about|um|it'?s|"
    r"for)\s+)*(?P<name>[\w'&.!-]+(?:\s[\w'&.!-]+){0,5}?)(?:\s+(?:please|pls|thanks))?\W*$",
    re.I,
)
# "hi i want adele", "looking for night choir"
_WISHED = re.compile(
    r"\W*(?:(?:hi|hey|hello)\s+)?(?:i'?m |we'?re )?(?:i want|i need|we want|want|need|looking for|"
    r"can i get|got any|"
    r"do you have|have you got|any)\s+(?:the\s+)?(?!to\b|an?\b|some\b|my\b|more\b|help\b|"
    r"out\b)(?P<name>[\w'&.!-]+(?:\s[\w'&.!-]+){0,3}?)(?:\s+(?:please|pls|"
    r"thanks))?\W*$",
    re.I,
)
# "2 sharks tonight" only as the first thing said, for "2 lads" may answer "how many?"; "two for the gala" always.
_NUMBERED = (
    r"(?:.{0,30}[.!,]\s)?\W*(?:(?:any chance of|(?:can|could) (?:i|we) (?:get|have)|(?:i|we)(?:'d like| want|"
    r" need)|get me|give me)\s+)?"
    r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten)\s+FOR(?:the\s+)?"
    rf"(?P<name>[a-z][\w'&.-]+(?:\s[\w'&.-]+){{0,2}}?)\s*(?=[{MASK},]|on\b|please|pls|then|$)"
)
_COUNTED = re.compile(_NUMBERED.replace("FOR", r"(?:for\s+)?"), re.I)
_COUNTED_FOR = re.compile(_NUMBERED.replace("FOR", r"for\s+"), re.I)
_OWNED = re.compile(r"\b(?:my|our|his|her|your|their)\s+$", re.I)  # "tickets for my boss"
_ASKS_EVENT = re.compile(
    r"\b(?:which|what|specific|particular)\s+(?:\w+\s+){0,2}?(?:event|show|game|concert|artist|team|match)|"
    r"event (?:name|do you|are you)|looking for\?|interested in\?|in mind\?"
)


def asks_event(assistant: str) -> bool:
    """Whether the assistant asked which event."""
    return _ASKS_EVENT.search(assistant.lower()) is not None


def cut_name(passage: Passage, *, asked: bool) -> str | None:
    """Claim the likeliest name in the open part of the message; `asked`: the assistant asked which event.

    Sentence patterns are tried from the strongest ("X vs Y", "tickets to X") to the weakest (a lone capitalised word).
    """
    text = _open_text(passage)
    return _cut(passage, text, _PATTERNS) or _cut_whole(passage, _WISHED) or (cut_lone_name(passage) if asked else None)


def cut_versus(passage: Passage) -> str | None:
    """Claim "X vs Y"; before cities are read, since teams bear their names."""
    return _cut(passage, _open_text(passage), _PATTERNS[:2])


def _open_text(passage: Passage) -> str:
    text = "".join(mark if mark == MASK else char for char, mark in zip(passage.text, passage.open, strict=True))
    lead = "x, ".rjust(passage.lead) if passage.lead >= 3 else ""  # any word before the name, but none of it
    return lead + text[len(lead) :]


def _cut(passage: Passage, text: str, patterns: tuple[tuple[int, re.Pattern[str]], ...]) -> str | None:
    for strength, pattern in patterns:
        if strength in (70, 74) and text.istitle():
            continue
        for match in pattern.finditer(text):
            span = _trim(text, *match.span("name"), loose=strength in (66, 72, 73, 78, 90))
            if span and not _OWNED.search(text[: span[0]]):
                passage.claim(*span)
                return passage.surface(*span)
    return None


def cut_lone_name(passage: Passage) -> str | None:
    """Claim a message that is nothing but a short name ("metallica"), however it is written."""
    return _cut_whole(passage, _ALONE)


def cut_counted(passage: Passage, *, first: bool) -> str | None:
    """Claim the name in "2 for the gala", or, as the `first` thing said, in "2 sharks tonight"."""
    return _cut_whole(passage, _COUNTED if first else _COUNTED_FOR)


def _cut_whole(passage: Passage, pattern: re.Pattern[str]) -> str | None:
    text = _open_text(passage)
    answer = pattern.match(text, passage.lead)
    if answer is None or not _may_be_name(answer["name"]):
        return None
    span = _trim(text, *answer.span("name"), loose=False)
    if span is None:
        return None
    passage.claim(*span)
    return passage.surface(*span)


def _may_be_name(words: str) -> bool:
    """Up to four words, none of them idle or a verb's contraction, at least half of them no everyday word."""
    named = words.lower().split()
    if named[0] == "the" and len(named) > 1:
        named = named[1:]
    if len(named) > 4 or set(named) & (_IDLE | _VERBLIKE) or any("'" in word.replace("'s", "") for word in named):
        return False
    plain = sum(1 for word in named if word in COMMON or _is_generic(word, loose=False))
    return plain * 2 <= len(named)


def _trim(text: str, start: int, end: int, *, loose: bool) -> tuple[int, int] | None:
    """The span cut at words that end a name, with articles and generic words taken off both ends; None if nothing
    of a name is left."""
    piece = text[start:end]
    cut = re.search(rf"(?:{_STOP})|[{MASK},;?()]|[.!](?:\s|$)", piece[1:] if loose else "", re.I)
    if cut:
        piece = piece[: cut.start() + 1]
    words = list(re.finditer(r"\S+", piece))
    while (
        words and _is_generic(words[-1].group(), loose) and not _belongs(text, start + words[-1].start(), words, loose)
    ):
        words.pop()
    while words and _is_generic(words[0].group(), loose) and not _is_article_of(text, start + words[0].start(), words):
        words.pop(0)
    if not words or sum(1 for word in words if re.search(r"[^\W\d]", word.group())) == 0:
        return None
    first, last = start + words[0].start(), start + words[-1].end()
    while last > first and text[last - 1] in ".,;:!?'\"":
        last -= 1
    return (first, last) if last - first >= 2 else None


def _belongs(text: str, at: int, words: list[re.Match[str]], loose: bool) -> bool:
    """A generic word that ends a capitalised name is part of it ("Hot Water Music", "Kansas City")."""
    word = words[-1].group().lower()
    ends = word.rstrip("s.,!?") in (
        "event",
        "ticket",
        "show",
        "game",
        "concert",
        "i",
        "please",
        "in",
        "on",
        "at",
        "for",
        "the",
        "of",
        "a",
        "to",
    )
    return not loose and len(words) > 1 and text[at].isupper() and words[-2].group()[0].isupper() and not ends


def _is_article_of(text: str, at: int, words: list[re.Match[str]]) -> bool:
    """ "The Drums", with a capital inside a sentence, keeps its article."""
    inside = re.search(r"[a-z,]\s$", text[:at]) is not None
    return inside and words[0].group() == "The" and len(words) > 1 and words[1].group()[0].isupper()


def _is_generic(word: str, loose: bool) -> bool:
    low = word.lower().strip(".,;:!?'\"()").removesuffix("'s")
    return (
        low in GENERIC
        or re.fullmatch(r"\d+(?:am|pm|ish|x)", low) is not None
        or (loose and low in COMMON)
        or low.isdigit()
        or not low
        or re.fullmatch(r"i'(?:m|d|ll|ve)|(?:what|it|that|let|there|here|who|when|where)'?s|don'?t|doesn'?t|vs", low)
        is not None
    )
