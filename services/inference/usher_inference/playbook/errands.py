"""Several requests in one message: the first is served, the others are kept and taken up one after the other.

A message is cut where a part of it asks for something of its own; what asks for nothing stays with the part before.
"""

import re
from enum import StrEnum
from functools import lru_cache

from usher_inference.playbook import phrases
from usher_inference.playbook.naming import named_words
from usher_inference.playbook.phrases import Asked, question_in
from usher_inference.playbook.requests import Request, read_request
from usher_inference.playbook.state import Dialogue
from usher_inference.understanding import Intent, Topic
from usher_inference.understanding.intents import weigh_intents
from usher_inference.understanding.lexicon import word_list
from usher_inference.understanding.passage import Passage
from usher_inference.understanding.rules import asked_rule
from usher_inference.understanding.topics import is_question, read_topic


class _Kind(StrEnum):
    """What a part of a message asks for; parts of one kind belong together."""

    BUY = "buy"
    ASK = "ask"
    REFUND = "refund"
    CREDIT = "credit"
    EXCHANGE = "exchange"
    UPGRADE = "upgrade"
    ORDERS = "orders"
    WAIT = "wait"
    PERSON = "person"


_COUNTED = (
    r"(?:\d{1,2}|an?|another|one|two|three|four|five|six|seven|eight|nine|ten|a couple of)\s+"
    r"(?!(?:adult|kid|child|senior|student|teen|friend|of us|more\b(?! for))\w*)"
)
_AIM = (
    r"(?:(?:more|other|extra|cheap|good)\s+)?(?:(?:tickets?|seats?|tix)\s+)?"
    r"(?:for|to see|to)\s+(?!me\b|us\b|myself\b|them\b)"
)
_SECOND = re.compile(
    rf"[\s,.;]*\b(?:and also|and then|as well as|and|also|plus|then)\b[\s,]*(?:also\s+|i (?:also )?(?:want|need)\s+)?"
    rf"(?P<later>{_COUNTED}{_AIM}\w.*)$",
    re.IGNORECASE | re.DOTALL,
)
_SINGLE = ("1", "one", "a", "an", "another")
_TICKETS = re.compile(r"\b(?:tickets?|seats?|tix)\b", re.IGNORECASE)
_FIRST = re.compile(r"\b(?:for|to see|to)\s+(?!me\b|us\b|myself\b)\w", re.IGNORECASE)

_TWO_NAMED = re.compile(  # "2 hamlet tix + 1 adele"
    r"^(?P<first>.*\b(?:\d{1,2}|one|two|three|four|five|six)\s+(?P<one>[\w'’.-]+(?: [\w'’.-]+){0,3}?)\s+"
    r"(?:tickets?|tix|seats?))\s*(?:\+|&|,|\b(?:and|plus)\b)\s*(?P<count>\d{1,2}|one|two|three|four|five|six)\s+"
    r"(?P<other>[\w'’.-]+(?: [\w'’.-]+){0,3}?)(?:\s+(?:tickets?|tix|seats?))?(?:\s+please)?\W*$",
    re.IGNORECASE,
)
_JOINTS = re.compile(
    r"(?P<joint>[.!?;\n]+\s+|,?\s+(?:and|also|then|plus)\s+(?:(?:also|then|can you|could you|please)\s+)*|,\s+)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:and|also|then|plus|but|oh|ok(?:ay)?|after that|afterwards|besides|please|"
    r"(?:and )?(?:an|one )?(?:other|more) (?:thing|question|request))[\s,:]+)+",
    re.IGNORECASE,
)
_MAY_HOLD_TWO = re.compile(r"[,.;!?\n].*\w|\b(?:and|also|then|plus|but)\b|[+&]", re.IGNORECASE | re.DOTALL)
_BUYING = re.compile(
    r"\b(?:get|book|buy|grab|find|reserve|want|need|order|take|like|have)\b[\w' ]{0,20}"
    r"\b(?:\d{1,2}|an?|one|two|three|four|five|six|seven|eight|some|tickets?|seats?|tix)\b|"
    r"\b(?:\d{1,2}|one|two|three|four|five|six|seven|eight) (?:\w+ )?(?:tickets?|seats?|tix)\b",
    re.IGNORECASE,
)
_VERB_OF_BUYING = re.compile(
    r"\b(?:get|book|buy|grab|find|reserve|want|need|order|take|like|see)\b|\b(?:tickets?|seats?|tix) (?:for|to)\b",
    re.IGNORECASE,
)
_GIVING = re.compile(
    r"^(?:(?:i|we|you|can|could|would|will|please|to|want|need|like|'d|just|also|i'd|we'd|me|and|let'?s|wanna|gonna)"
    r"[\s,]+)*(?P<verb>refund|return|cancel|give back|get (?:a |my )?(?:refund|money)|exchange|swap|trade|upgrade|"
    r"move|change|show|see|list|tell|check|put|take|talk|speak|connect)\b",
    re.IGNORECASE,
)
_SAME_FOR = re.compile(
    r"^(?:(?:also|the same (?:for|with))\s+)*(?P<what>(?:the|my|our) "
    r"[\w'&. -]{2,60}\b(?:tickets?|seats?|orders?|bookings?|ones?|tix)(?: too| as well| please)?\W*)$",
    re.IGNORECASE,
)
_NAMED_ORDER = re.compile(
    r"\b(?:my|our|the) (?!(?:tickets?|seats?|orders?|money|other|two|three|four|\d+)\b)[\w'&.-]+(?: [\w'&.-]+){0,4}? "
    r"(?:tickets?|seats?|orders?|bookings?|tix)\b|\b(?:tickets?|seats?|orders?) (?:for|to) \w|\bORD_\w+",
    re.IGNORECASE,
)
_PLACE = re.compile(r"\b(?:at|for|to|in|near) (?:the )?(?P<name>[\w'&.-]+(?: [\w'&.-]+){0,4})\W*$", re.IGNORECASE)
_NO_NAMES = frozenset(
    word_list(
        "the that this there show game event concert venue arena theatre theater stadium hall place night day evening "
        "cars car parking people kids children wheelchair wheelchairs food drinks tickets seats friday saturday "
        "sunday monday tuesday wednesday thursday tonight tomorrow weekend"
    )
)
_HAS_THEM = re.compile(
    r"^\W*(?:(?:hi|hello|hey|so|well|no|stop|ok)\W+)*(?:i|we)(?:'ve| have)?(?: already)? (?:have|got|bought|own|hold)\b"
    r"(?! to\b)[\w ]{0,15}\b(?:tickets?|seats?|orders?|booking)",
    re.IGNORECASE,
)
_OF_CHANGES = (
    Topic.REFUND_POLICY,
    Topic.EXCHANGE_POLICY,
    Topic.POLICY,
    Topic.FEES,
    Topic.PRICE,
    Topic.PAYMENT,
    Topic.TIME,
    Topic.AVAILABILITY,
    Topic.SEATING,
    Topic.CAPABILITIES,
    Topic.OTHER,
)
_ACTS = {
    Intent.REFUND: _Kind.REFUND,
    Intent.EXCHANGE: _Kind.EXCHANGE,
    Intent.UPGRADE: _Kind.UPGRADE,
    Intent.ORDERS: _Kind.ORDERS,
    Intent.HUMAN: _Kind.PERSON,
}
_REQUESTS = {
    Request.EXCHANGE: _Kind.EXCHANGE,
    Request.REFUND: _Kind.REFUND,
    Request.CREDIT: _Kind.CREDIT,
    Request.BALANCE: _Kind.ASK,
    Request.JOIN: _Kind.WAIT,
    Request.LEAVE: _Kind.WAIT,
    Request.WAITING: _Kind.WAIT,
    Request.PAPERS: _Kind.ASK,
    Request.OPTIONS: _Kind.ASK,
}
_CHANGES = (_Kind.REFUND, _Kind.CREDIT, _Kind.EXCHANGE, _Kind.UPGRADE)
_TOGETHER = (  # what one flow serves, whichever of the two comes first
    {_Kind.BUY, _Kind.ASK},
    {_Kind.BUY, _Kind.WAIT},
    {_Kind.ORDERS, _Kind.ASK},
    {_Kind.REFUND, _Kind.CREDIT},
    {_Kind.REFUND, _Kind.PERSON},
    {_Kind.EXCHANGE, _Kind.REFUND},
    {_Kind.EXCHANGE, _Kind.BUY},
)
_MOST = 4  # requests of one message that are kept apart
_MOST_REMINDERS = 2


@lru_cache(maxsize=4096)
def split(text: str) -> tuple[str, ...]:
    """The requests of a message in order; the whole text where there is one only."""
    if not _MAY_HOLD_TWO.search(text) or asked_rule(text):
        return (text,)
    parts: list[tuple[_Kind | None, str]] = []
    for piece, joint in _pieces(text):
        kind, words = _kind(piece), _LEAD.sub("", piece)
        before = parts[-1] if parts else None
        if before and before[0] in _CHANGES and kind in (_Kind.ORDERS, None) and not _GIVING.search(words):
            same = _SAME_FOR.match(words)
            if same and _verb(before[1]):
                kind, words = before[0], f"{_verb(before[1])} {same['what']}"
                parts.append((kind, words))
                continue
        if before is None or kind is None or before[0] is None or _belongs(before, kind, words):
            if before is None:
                parts.append((kind, piece))
            else:
                parts[-1] = (before[0] or kind, f"{before[1]}{joint}{piece}")
            continue
        parts.append((kind, words))
    requests = [words.strip() for _, words in parts][:_MOST]
    return tuple(half for request in requests for half in _halves(request))[:_MOST]


def _pieces(text: str) -> list[tuple[str, str]]:
    """The text cut at its joints: each piece with the joint before it."""
    pieces, at, joint = [], 0, ""
    for found in _JOINTS.finditer(text):
        if text[at : found.start()].strip():
            ending = found.group().strip()[:1] if found.group().strip()[:1] in "?!." else ""
            pieces.append((text[at : found.start()] + ending, joint))
            joint = found.group()[len(ending) :] or " "
        at = found.end()
    if text[at:].strip():
        pieces.append((text[at:], joint))
    return pieces


def _verb(words: str) -> str:
    found = _GIVING.search(words)
    return found["verb"] if found else ""


def _belongs(before: tuple[_Kind | None, str], kind: _Kind, words: str) -> bool:
    """Whether a part goes with the one before, which a single flow serves."""
    kind_before, said = before
    if {kind, kind_before} == {_Kind.EXCHANGE, _Kind.BUY} and re.search(r"\b(?:also|another)\b", words, re.IGNORECASE):
        return False
    if kind is _Kind.ASK and kind_before is _Kind.BUY:
        return read_request(words) is None and not _is_elsewhere(words, said)
    if kind is _Kind.BUY and kind_before is _Kind.ASK:
        return read_request(said) is None
    if kind is _Kind.BUY and kind_before in _CHANGES and not _VERB_OF_BUYING.search(words):
        return True  # "refund my order, only one seat": of the order, not a purchase
    if kind_before is None or kind is kind_before or {kind, kind_before} in _TOGETHER:
        return not (kind in _CHANGES and kind is kind_before and _names_one(words) and _names_one(said))
    if kind is _Kind.ASK and kind_before in _CHANGES:
        if read_request(words) is Request.OPTIONS:
            return True
        return read_topic(Passage(words)) in _OF_CHANGES and read_request(words) is None
    return False


def _is_elsewhere(words: str, said: str) -> bool:
    """Whether a question names another event or place than what was said before it."""
    named = _PLACE.search(words)
    if named is None:
        return False
    telling = {word for word in re.findall(r"\w{3,}", named["name"].lower()) if word not in _NO_NAMES}
    return bool(telling) and not telling & {*re.findall(r"\w{3,}", said.lower())}


def _names_one(words: str) -> bool:
    """Whether a certain order is named: of two parts that each name one, each is a request of its own."""
    return _NAMED_ORDER.search(words) is not None


def _kind(piece: str) -> _Kind | None:
    """What a part asks for by itself; None for a detail, a reason or a courtesy."""
    asked = read_request(piece)
    if asked in _REQUESTS:
        return _REQUESTS[asked]
    passage = Passage(piece)
    weights = weigh_intents(passage)
    topic = read_topic(passage)
    for intent, kind in _ACTS.items():
        if weights.get(intent, 0.0) >= 0.9 and not (topic and _is_rule(topic)):
            return kind
    if topic and is_question(passage) and topic not in (Topic.OTHER, Topic.AVAILABILITY, Topic.PRICE, Topic.DATE):
        return _Kind.ASK
    if _HAS_THEM.search(piece):
        return None
    if Intent.BUY in weights and _BUYING.search(piece):
        return _Kind.BUY
    return _Kind.BUY if _BUYING.search(piece) and not is_question(passage) else None


def _is_rule(topic: Topic) -> bool:
    return topic in (Topic.REFUND_POLICY, Topic.EXCHANGE_POLICY)


def _halves(text: str) -> tuple[str, ...]:
    """ "2 for Adele and 3 for Hamlet" as two purchases; the text alone where there is one."""
    both = _TWO_NAMED.match(text)
    if both and named_words(both["one"]) and named_words(both["other"]):
        single = both["count"].lower() in _SINGLE
        return (both["first"], f"{both['count']} ticket{'' if single else 's'} for {both['other']}")
    second = _SECOND.search(text)
    if second is None or not _FIRST.search(text[: second.start()]):
        return (text,)
    later = re.sub(
        r"^([\w ]+?)\s+(?=(?:for|to see|to)\s)",
        lambda count: f"{count[1]} ticket{'s' * (count[1].lower() not in _SINGLE)} ",
        second["later"].strip(),
        count=1,
    )
    later = later if _TICKETS.search(second["later"]) is None else second["later"].strip()
    return (text[: second.start()], *_halves(later))


_CLOSERS = re.compile(
    r"\s*(?:Is there anything else I can do(?: for you)?\?|Enjoy the event!|If you need anything else, just tell me\.)$"
)


def remind(d: Dialogue, text: str) -> str:
    """The text, with the offer to take up what else the customer asked for, once nothing else stands open."""
    open_one = question_in(text)
    resting = open_one is None or (open_one is Asked.KEEP_BUYING and d.turn.declined is not None)
    if not d.later or not resting or d.proposal or d.hold or d.reminded >= _MOST_REMINDERS:
        return text
    said = _CLOSERS.sub("", text.replace(Asked.KEEP_BUYING.value, "").rstrip())
    others = phrases.listing([phrases.quoted(words) for words in d.later])
    order = "" if len(d.later) == 1 else " I'd take them in that order."
    return f"{said} You also asked for {others}.{order} {Asked.NEXT.value}"
