"""How many seats: counted out, by the company kept, or as the bare answer to "how many?"."""

import re
from dataclasses import dataclass

from usher_inference.understanding.numbers import COUNT, NUMBER, parse_count
from usher_inference.understanding.passage import Passage

_SEAT = r"(?:tickets?|tickts?|tikets?|ticets?|tix|tics|seats?|setas|spots?|places?|passes|admissions?|entries)\b"
_PEOPLE = (
    r"(?:people|persons?|ppl|pax|adults?|guests?|attendees|heads|folks|fans|guys|students?|seniors?|"
    r"family members|members)\b"
)
_FILLER = r"(?:(?!of\b|more\b|for\b|to\b|in\b|on\b|at\b|and\b|or\b|the\b)[a-z'-]+\s+){0,3}?"
# "the one", "that one", "a cheaper one", "which one", "one of them": the pronoun, no count.
_PRONOUN = (
    r"(?<!the )(?<!that )(?<!this )(?<!which )(?<!what )(?<!any )(?<!another )(?<!other )(?<!every "
    r")(?<!each )(?<!some )(?<!er )"
    r"(?<!est )(?<!good )(?<!first )(?<!second )(?<!third )(?<!last )(?<!next )(?<!no )(?<!same "
    r")(?<!different )(?<!those )(?<!row )(?<!one )"
)
_SCALED = r"[\s-]+(?:dozen|hundred|thousand)\b"
_COUNTED = (
    rf"(?P<count>{_PRONOUN}\bone\b(?!{_SCALED})(?!\s+of\s+(?!us))|\bone\b(?=\s+(?:single\s+)?(?:{_SEAT}))|"
    rf"(?!one\b(?!{_SCALED})){COUNT})(?:\s*x)?"
)
_NOT_ONE_OF = (
    r"(?!\s+(?:of\s+(?:the|my|your|that)\b|that|which|who|thing|day|night|time|moment|second|sec|minute|"
    r"more thing|question|hour|hours|minutes|days|weeks|months?|percent|dollars?|bucks?|(?:at|in|"
    r"on)\s+(?:the\s+)?[a-z]+\s+(?:at|is)\b|for\s+(?:you|me)\s+(?:is|was)))"
)
_WANT = (
    r"(?:make (?:it|that|this|them)|get(?: me| us)?|give me|grab(?: me)?|i'?ll take|we'?ll take|take|"
    r"i'?d like|i would like|we'?d like|want(?: only| just)?|wanted|need(?:ed|ing)?(?: only| just)?|"
    r"only need|just need|change (?:it|that|this|the (?:number|quantity|count|tickets)(?: of (?:tickets|"
    r"seats|people))?)?\s*(?:to|for)|switch (?:it )?to|buy(?: me)?|book(?: me)?|purchase|reserve|hold|"
    r"order|have|requires?|bump it (?:up |down )?to|up it to|"
    r"meant|mean|said|let'?s (?:do|go (?:with|for)|say)|go (?:with|for)|do|looking for|there (?:will be|"
    r"are|is|'s)|there'?ll be|total(?: of)?|it'?s|it is|we(?:'re| are)(?: now)?|of us is|quantity(?: is| of)?|"
    r"number(?: of (?:tickets|seats))? (?:is|should be|to be))"
)
_TAIL = (
    r"(?=\s*(?:$|[.,;!?¦)]|please|pls|plz|instead|now|thanks|thank|tickets?|and\b|but\b|for\b|to\b|in\b|on\b|"
    r"at\b|only|total|altogether|of (?:them|us)|would|will|if\b|then|actually|should|is\b|are\b|together|each|"
    r"not\b|because|since|near|around|this|today|with\b|while\b|until\b|till\b|before\b|so\b|seats?))"
)
_COUNT_RULES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_COUNTED}\s+(?:more\s+|extra\s+|additional\s+)?{_FILLER}(?:{_SEAT}|¦+\s*{_SEAT})",
        r"\b(?:tickets?|tix|seats?|spots?)\s+(?:for|x|:)\s*(?:a\s+)?(?:(?:party|group|family|"
        rf"total)\s+of\s+)?(?:the\s+)?{_COUNTED}(?!\s*(?:days?|weeks?|hours?|dollars|bucks)){_TAIL}",
        rf"\b(?:party|group|family|crew|gang|team|table|total|bunch)\s+of\s+(?:just\s+|about\s+)?{_COUNTED}\b",
        rf"\b(?:all|the|just|only)?\s*{_COUNTED}\s+of\s+(?:us|'?em|them)\b",
        rf"{_COUNTED}\s+(?:\w+\s+)?{_PEOPLE}",
        rf"(?<![\d:])(?P<count>\d{{1,3}})\s?-?ish\s+(?:of us|{_PEOPLE}|{_SEAT})",
        rf"\b(?:at least|qty:?|quantity:|(?:tickets|seats)\s?[:=])\s*{_COUNTED}{_TAIL}",
        r"\b(?P<both>both of us|us both|the both of us|(?:us|we) two|the two of us)\b",
        rf"\bfor\s+(?:just\s+|only\s+|about\s+|the\s+)?{_COUNTED}{_NOT_ONE_OF}{_TAIL}",
        rf"\b{_WANT}\s+(?:just\s+|only\s+|about\s+|maybe\s+|actually\s+|around\s+|it\s+|exactly\s+|all\s+|"
        rf"like\s+)*{_COUNTED}{_NOT_ONE_OF}{_TAIL}",
        r"^\W*(?:no|nope|nah|wait|sorry|oops|yes|yeah|yep|sure|ok|okay|well|hmm+|um+|uh|actually|just|"
        r"only|maybe|probably|i think|make it|oh|great|good|perfect|alright)?(?:[\s,.!-]+(?:just|only|"
        r"actually|make it|maybe|i think|i guess|sorry|i said|"
        rf"the))*[\s,.!-]*{_COUNTED}{_NOT_ONE_OF}{_TAIL}",
        r"\b(?:actually|instead|rather|only|just|sorry|no|so|scratch that),?\s+(?:of\s+)?(?:just\s+|only\s+|"
        rf"make it\s+)?{_COUNTED}{_NOT_ONE_OF}{_TAIL}",
        r"\b(?:just|only) the (?P<single>one)\b(?!\s+(?:at|on|in|with|for|from|that|which|you))",
        rf"{_COUNTED}\s+(?:instead|total|please|altogether|in total|this time)",
        r"(?<!of )(?<!that )\b(?P<single>(?:an?|single|a single)\s+(?:[a-z]+\s+)?(?:ticket|"
        r"seat))\b(?!\s+(?:map|chart|office|price|plan))",
        rf"{_COUNTED}\s+(?:for|to|to see)\s+(?:the\s+)?¦",
        rf",\s*{_COUNTED}\s*(?=$|[,.!]|please|pls)",
        # "2 sharks tonight": a small number that opens the message, before what it is of
        r"^[\s.,!]*(?P<count>[1-9]|10|two|three|four|five|six|seven|eight|nine|ten)\s+(?=¦|[a-z]{3,})"
        r"(?!(?:am|pm|days?|nights?|hours?|weeks?|months?|minutes?|years?|stars?|seconds?|cent|doors|chainz|rows?|"
        r"and|or|to|"
        r"more|less|fewer|of|dollars|bucks|shows?|events?|games?|concerts?|o'?clock|kids?|parts?)\b)",
        r"(?<![\w$.#-])(?P<times>\d{1,2})\s?x\b|\bx\s?(?P<times2>\d{1,2})\b",
    )
)
# More figures than any party has; a year is none.
_FIGURES = r"(?<![\d.,:/$£€#-])(?!(?:19\d|20[1-3])\d\b)(?P<count>\d{1,3}(?:,\d{3})+|\d{4,})"
_CROWD = re.compile(rf"{_FIGURES}\s+(?:{_SEAT}|{_PEOPLE})")
_CROWD_ALONE = re.compile(rf"^\W*{_FIGURES}(?:\s*please)?\W*$")
_MOST = 1_000_000  # what is more counts as this many
_ANY_NUMBER = re.compile(rf"{_COUNTED}{_NOT_ONE_OF}")
_REFUSED = re.compile(
    r"\b(?:not|isn'?t|instead of|rather than|don'?t (?:want|need)|over|no longer)\s+(?:for\s+|the\s+|"
    rf"just\s+)?(?P<count>{COUNT})(?:\s+(?:or|and|,)\s+{COUNT})?(?:\s+{_SEAT})?"
)
_RELATION = (
    r"(?:wife|husband|girlfriend|boyfriend|gf|bf|partner|spouse|fianc[eé]e?|date|friend|buddy|mate|mom|mum|"
    r"mother|dad|father|son|daughter|kid|child|bro|sis|brother|sister|boss|colleague|coworker|roommate|cousin|uncle|"
    r"aunt|grandma|grandpa|grandmother|grandfather|niece|nephew|best friend|neighbou?r|bestie|hubby|missus|"
    r"plus one|carer|caregiver|companion|assistant|baby|toddler|teen(?:ager)?|client|guest|other)"
)
# "Two or three tickets" is to be asked about.
_EITHER = re.compile(
    rf"{COUNT}\s*(?:or(?: maybe)?|to|(?<=\d)-(?=\d))\s*{COUNT}\s*(?:{_SEAT}|{_PEOPLE}|of us\b|$|[.,!?]|please)"
)
_TWO_NUMBERS = re.compile(r"^\W*\d{1,2}\s*(?:and|,|&)\s*\d{1,2}\W*$")  # ages, say
_CORRECTED = re.compile(
    r"\b(?:no(?! (?:more|less|later|earlier|fewer|need)\b)|wait|sorry|actually|i mean|make (?:it|that))\b"
)
_DELTA = (
    re.compile(
        rf"\b(?:add|plus|with)\s+(?:another\s+)?(?P<more>{COUNT}|another(?!\s+(?!more|extra|{_SEAT}|one\b|"
        rf"please)[a-z]))"
        rf"\s*(?:more|extra|"
        rf"additional)?\s*(?:{_SEAT})?(?=\W|$)(?!\s+(?:{_PEOPLE}|kids?|hour|day))"
    ),
    re.compile(
        rf"\b(?P<more>{COUNT}|an?)\s+(?:more|extra|additional|further)(?:\s+{_FILLER}{_SEAT}|\s*(?:$|[.,!?]|"
        r"please|of (?:those|them)))"
    ),
    re.compile(rf"\badd (?:in )?(?P<another>(?:my|our|an?) (?:\w+ )?{_RELATION})(?!s)\b|\b(?P<one>one more) for\b"),
    re.compile(rf"\b(?P<another>another|an extra|an additional)\s+(?:(?P<more>{NUMBER})\s+)?(?:ticket|seat|tix)"),
    re.compile(
        rf"\b(?P<less>{COUNT})\s+(?:less|fewer)\b|\b(?:remove|drop|lose|take off|minus)\s+(?P<less2>{COUNT})"
        rf"(?:\s+{_SEAT}|\s*(?:$|[.,!?]|please))"
    ),
)
_POINTED = re.compile(rf"\b(?:the|that) (?:[\w'-]+ )one\b(?! (?:{_SEAT}|of us|{_PEOPLE}))")  # "the arena one"
_OUTRIGHT = re.compile(rf"\b(?:make (?:it|that)|so|total(?: of)?|in all|altogether)\s+(?:that'?s\s+)?{COUNT}\b")
_ASKS_COUNT = re.compile(
    r"\bhow many\b|\bhow much tickets\b|\bnumber of (?:tickets|seats|people)\b|\bquantity\b|"
    r"\bwhat number\b|\bparty size\b|\bhow large\b|\bhow big\b"
)


@dataclass(frozen=True)
class Count:
    """A number of seats, or a change to the number named before."""

    quantity: int | None = None
    delta: int | None = None


def asks_count(assistant: str) -> bool:
    """Whether the assistant asked for the number of tickets."""
    return _ASKS_COUNT.search(assistant.lower()) is not None


def read_quantity(passage: Passage, *, asked: bool, company: int | None) -> Count:
    """The number of seats among what is still open. `asked`: the assistant asked for it; `company`: the number of
    people named by who they are, used where no figure says otherwise."""
    crowd = _CROWD.search(passage.open) or (_CROWD_ALONE.search(passage.open) if asked else None)
    if crowd:
        figures = crowd["count"].replace(",", "")
        return Count(quantity=_MOST if len(figures) > 6 else int(figures) or None)
    change = next((match for pattern in _DELTA if company is None and (match := pattern.search(passage.open))), None)
    text = passage.open
    for pointed in _POINTED.finditer(passage.low):
        text = text[: pointed.start()] + "," * (pointed.end() - pointed.start()) + text[pointed.end() :]
    if change:
        # "one more, so make it four": a figure said outright outweighs the change.
        rest = text[: change.start()] + "," * (change.end() - change.start()) + text[change.end() :]
        return Count(quantity=_counted(rest)) if _OUTRIGHT.search(rest) else Count(delta=_change(change.groupdict()))
    refused = list(_REFUSED.finditer(text))
    for match in refused:
        text = text[: match.start()] + "," * (match.end() - match.start()) + text[match.end() :]
    if _EITHER.search(text) or _TWO_NUMBERS.match(text):
        return Count()
    found = _corrected(text)
    if found is None:
        found = _counted(text, _COUNT_RULES[:2])
    if found is None:
        found = company if company is not None else _counted(text, _COUNT_RULES[2:])
    if found is None and asked:
        bare = _ANY_NUMBER.search(text)
        found = parse_count(bare["count"]) if bare else None
    return Count(quantity=found if found and found > 0 else None)


def _corrected(text: str) -> int | None:
    """The number after "no" or "sorry", where one stood before it: "2... no, 3"."""
    first = _ANY_NUMBER.search(text)
    marks = list(_CORRECTED.finditer(text, first.end())) if first else []
    return next((count for mark in reversed(marks[-3:]) if (count := _counted(text[mark.end() :]))), None)


def _counted(text: str, rules: tuple[re.Pattern[str], ...] = _COUNT_RULES) -> int | None:
    for pattern in rules:
        matches = list(pattern.finditer(text))
        if matches:
            # A correction stands after what it corrects.
            return _value(matches[-1].groupdict())
    return None


def _value(groups: dict[str, str | None]) -> int | None:
    if groups.get("both"):
        return 2
    if groups.get("single"):
        return 1
    words = groups.get("count") or groups.get("times") or groups.get("times2")
    return parse_count(words) if words else None


def _change(groups: dict[str, str | None]) -> int | None:
    less = groups.get("less") or groups.get("less2")
    if less:
        count = parse_count(less)
        return None if count is None else -count
    more = groups.get("more")
    return 1 if more in (None, "a", "an", "another") else parse_count(more or "")


# --- the company kept ---------------------------------------------------------------------------------------------

_PLURAL = (
    r"(?:wives|friends|buddies|mates|sons|daughters|kids|children|brothers|sisters|colleagues|coworkers|"
    r"roommates|cousins|nieces|nephews|parents|boys|girls|guests|clients|teens|others)"
)
_ONE_PERSON = rf"(?:(?:my|our|a|his|her|one|the)\s+(?:\w+\s+)?{_RELATION}(?!s)\b)"
_MANY = (
    rf"(?:(?:my\s+|our\s+|the\s+|his\s+|her\s+)?(?P<n>{COUNT})\s+(?:\w+\s+)?(?:{_PLURAL})\b|"
    r"(?P<parents>(?:my |our |the )?(?:parents|folks|twins))\b)"
)
_PRONOUN_PERSON = r"(?:(?:her|him)\b(?=\s*(?:,|and\b|&|\+|to\b|with\b|$)))"
_SELF = r"(?:me|i|myself|us)"
_JOIN = r"(?:\s*(?:,|\band\b|\bn\b|&|\+|\bplus\b|\bwith\b)\s*)+"
_PERSON = rf"(?:{_ONE_PERSON}|{_PRONOUN_PERSON}|{_MANY.replace('?P<n>', '?:').replace('?P<parents>', '?:')})"
# In a list with the customer, "my" goes without saying the second time: "my mom and dad and me".
_LISTED = rf"(?:{_PERSON}|{_RELATION}(?!s)\b)"
_SELF_FIRST = re.compile(rf"\b{_SELF}\b{_JOIN}{_LISTED}(?:{_JOIN}{_LISTED})*")
_SELF_LAST = re.compile(rf"{_LISTED}(?:{_JOIN}{_LISTED})*{_JOIN}{_SELF}\b")
_COMING = re.compile(
    rf"{_PERSON}(?:{_JOIN}{_PERSON})*\s+(?:is|are|will be)?\s*(?:coming|going|joining|come|join)\s*(?:along\s+)?"
    r"(?:with\s+)?(?:me|us)\b"
)
_WITH = re.compile(rf"\b(?:with|bringing|taking|bring|take)\s+{_PERSON}(?:{_JOIN}{_PERSON})*")
_ALONE = re.compile(
    r"\b(?:(?:just|only)\s+(?:for\s+)?(?:me|myself)|by myself|for myself|going alone|on my own|solo|"
    r"(?:just|only)\s+for\s+me|just one of us|only me)\b(?!\s*(?:and|,|&|\+|plus)\s)"
)
_AGED = (
    r"(?:adults?|kids?|child(?:ren)?|seniors?|students?|teens?|teenagers?|toddlers?|grown[- ]?ups?|men|women|"
    r"boys?|girls?|teachers?|coaches|coach|chaperones?|players?|friends?)"
)
_SOME_AGED = rf"(?:{COUNT}|\ban?)\s+{_AGED}(?:['’]?s?['’]?\s+{_SEAT})?"
_GROUPS = re.compile(rf"{_SOME_AGED}(?:\s*(?:(?:,|and|&|\+|plus|please)\s*)*{_SOME_AGED})+")
_PLUS = re.compile(
    rf"\b(?:one|1)\s*(?:\+|plus|and)\s*(?:an?\s+)?(?:carer|caregiver|companion|assistant|pa)\b|\b(?:me|"
    rf"myself)\s*(?:\+|plus)\s*(?P<n>{NUMBER})|(?<!\w)\+\s?(?P<n2>\d)\b"
)


# A wheelchair place and the seat of whoever comes along: "a wheelchair seat and a companion seat".
_WHEELCHAIR_AND = re.compile(
    rf"(?:\b(?P<places>{COUNT})\s+)?\b(?:wheel\s?chair|accessible|disabled|ada)(?:\s+(?:seats?|spaces?|spots?|places?|"
    rf"tickets?))?(?:\s*(?:,|and|&|\+|plus|with)\s*)+(?:(?P<beside>{COUNT})\s+|(?:an?|my|the|his|her)\s+)?"
    r"(?:(?:seats?|spots?|places?|spaces?|tickets?)\s+for\s+)?(?:(?:an?|my|the|his|her|our)\s+)?"
    r"(?:companion|carer|caregiver|helper|assistant|attendant)s?\b"
)


def read_company(passage: Passage) -> int | None:
    """People named by who they are, the customer included: "me and my wife" is 2, "just me" 1; None if nobody is."""
    text = passage.open
    chair = _WHEELCHAIR_AND.search(text)
    if chair:
        passage.claim(*chair.span())
        return sum(parse_count(chair[name] or "1") or 1 for name in ("places", "beside"))
    plus = _PLUS.search(text)
    if plus:
        more = parse_count(plus["n"] or plus["n2"] or "1")
        return None if more is None else more + 1
    groups = _GROUPS.search(text)
    if groups:
        passage.claim(*groups.span())  # "2 adult tickets and 1 child": neither figure is the number of seats
        return sum(parse_count(count) or 1 for count in re.findall(rf"{COUNT}|\ban?\b", groups.group()))
    listed = _SELF_FIRST.search(text) or _SELF_LAST.search(text) or _COMING.search(text) or _WITH.search(text)
    if listed:
        ones = len(re.findall(rf"{_ONE_PERSON}|{_PRONOUN_PERSON}|\b{_RELATION}(?!s)\b", listed.group()))
        many = sum(2 if m["parents"] else parse_count(m["n"]) or 0 for m in re.finditer(_MANY, listed.group()))
        return 1 + ones + many
    return 1 if _ALONE.search(text) else None
