"""The grammar of agreement: which wordings, as whole phrases, carry or accompany a yes.

A reply is a yes only where these phrases, verified restated facts and harmless questions cover it from its first
token to its last; one word that nothing explains and the reply is not a yes. So a list below may be widened by
whatever can only accompany agreement, and a wording left out costs a repeated question, never a charge.

Patterns are matched against messages in the form of `text.normalise`: lower case, "that's" spelled "that is".
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

from usher_agent.consent.assents import ADJECTIVE, DEGREE, FOR_ME, MILD, STATEMENT, WELL, YES
from usher_agent.consent.courtesies import ACCEPTANCE, APPROVAL, KNOWS_TERMS, RECEIPT, TAIL
from usher_agent.consent.model import Action
from usher_agent.consent.orders import AFTER, OBJECT, ORDER, PERSON, POLITE_ORDER


class Kind(Enum):
    """What a part of a reply does."""

    ASSENT = auto()  # agrees by itself, also beside a harmless question
    ACCEPTANCE = auto()  # "ok": agrees as a reply of its own, but beside a question it may be mere receipt
    APPROVAL = auto()  # "good": agrees as a reply of its own, and beside a harmless question
    TAIL = auto()  # politeness or joy: agrees to nothing by itself and takes nothing back
    RECEIPT = auto()  # "I see", "cool", "that's ok": heard, not agreed
    POLITE_ORDER = auto()  # "could you book them": repeats the proposal, and may end in a question mark
    FACT = auto()  # restates facts of the proposal, verified
    QUESTION = auto()  # asks for the place or the time of the event


@dataclass(frozen=True)
class Part:
    """A stretch of the text that is explained: what it does and where in the text it ends."""

    kind: Kind
    end: int


# A laugh beside a bare yes is as often a jeer.
_LAUGH = "(?:(?:ha)+h?|lol|lmao|rofl|pf+t?|as if|🙄|🤣|😂|😏)"
_LIGHT_YES = "(?:yes|yeah|yea|yep|ya|sure|ok|okay|right|fine|of course|great|perfect)"
# "Yeah, right." and "oh great" are as often jeers as agreement.
_JEER = (
    "(?:(?:oh|lol|haha|ha)(?: ,)? )?(?:yeah+|yea|ya|yep|sure)(?: ,)? right|(?:oh|lol|haha|ha)(?: ,)? yes(?: ,)? "
    "right|oh(?: ,)? (?:great|perfect|"
    "wonderful|fantastic|brilliant)"
    f"|(?:{_LAUGH}(?: [,.])? )+{_LIGHT_YES}|{_LIGHT_YES}(?:(?: [,.])? {_LAUGH})+"
    "|sure(?:(?: ,)? sure)+|sure(?: ,)? (?:it|that|they|you) (?:is|are)|(?:yes|yeah)(?: ,)? right(?: ,)? sure|"
    "that is it|please confirm"
)

# "Yes, I see" says that the message arrived, "yes, I know it is non-refundable" that a term of it was read.
_HEARD = (
    "(?:yes|yeah|yep|yup|sure)(?: ,)? (?:hello|hi|hey|(?:i|we) (?:see|know|understand|get it|hear you)|"
    f"got it|understood|noted|{KNOWS_TERMS})"
)
# "Go on" may ask to hear more.
_GO_ON = "(?:(?:ok|okay)(?: ,)? )?go on"
# "Ok, thanks" ends a conversation as often as it agrees.
_SIGN_OFF = (
    "(?:ok|okay|okey|k|kk|alright|all right|fine|good|cool|sweet|very well)(?: [,.!])* "
    "(?:many )?(?:thanks|thank you|thx|ta|cheers)(?: (?:so much|very much|a lot|again|for (?:all )?(?:your|the) help))?"
)

# Said before a yes in search of words; it means nothing elsewhere.
_HESITATION = (
    "(?:well|um+|uh+|er|erm|why|duh|but)(?: ,)?"
    "(?= (?:yes|ok|okay|alright|yeah|yep|yup|yea|sure|of course|absolutely|definitely)(?: |$))"
)

# Announces a question, and says nothing where none follows: "one more thing, where is it?".
_LEAD_IN = (
    "(?:(?:just |only )?(?:one|a) (?:(?:more|last|final|quick|other|small|little) )*(?:thing|question)|(?:just )?quick "
    "question|before i forget|i almost forgot)(?: (?:though|please))?"
    "(?=(?: [,.:!-])? (?:and )?(?:what|where|when|which|how do|(?:can|could|will|would) you|do you know) )"
)

# "No, everything is right, please book it" says no to changes.
_NO_CHANGES = (
    "(?:no|nope)(?: ,)?(?= (?:no changes(?: needed| please)?|nothing to change|(?:that|it) is all correct|"
    "everything is (?:correct|right|fine|good|perfect)) [,.!] .*\\b(?:go ahead|book|buy|purchase|proceed)\\b)"
)
# "Yes, but please tell me where it is" asks beside the yes; "yes, but where is it?" may make the yes depend on it.
_BUT_TELL = (
    "but(?: ,)?(?= (?:also |please |just )*(?:(?:can|could|will|would) you (?:please )?)?(?:tell|give|send) me "
    "|(?: please)? (?:i|we) also (?:want|need|would like) to know )"
)

# Orders that repeat a proposal of another kind than a purchase. They never agree by themselves: "cancel it" may as
# well call the proposal off.
_ACTION_VERBS = {
    Action.UPGRADE: "upgrade",
    Action.EXCHANGE: "(?:exchange|swap)",
    Action.REFUND: "refund",
    Action.CANCEL: "cancel",
    Action.CREDIT: "credit",
}


def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})(?= |$)")


_PHRASES: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (Kind.RECEIPT, _compile(MILD)),
    (Kind.ASSENT, _compile(STATEMENT)),
    (Kind.ASSENT, _compile(ORDER)),
    (Kind.ASSENT, _compile(PERSON)),
    (Kind.ASSENT, _compile(YES)),
    (Kind.ACCEPTANCE, _compile(ACCEPTANCE)),
    (Kind.APPROVAL, _compile(APPROVAL)),
    (Kind.POLITE_ORDER, _compile(POLITE_ORDER)),
    (Kind.RECEIPT, _compile(RECEIPT)),
    (Kind.TAIL, _compile(TAIL)),
    (Kind.TAIL, re.compile(_HESITATION)),
    (Kind.TAIL, re.compile(_BUT_TELL)),
    (Kind.TAIL, re.compile(_LEAD_IN)),
    (Kind.TAIL, re.compile(_NO_CHANGES)),
)
_ACTION_ORDERS = {
    action: _compile(rf"(?:go ahead and )?{verb}(?: (?:me|us))? {OBJECT}{AFTER}")
    for action, verb in _ACTION_VERBS.items()
}
_FACT_REMARK = _compile(
    rf"(?:(?:(?:is|are|looks?|seems?|sounds?)(?: {DEGREE})* )?{ADJECTIVE}|"
    rf"(?:works?|suits?|fits?|will do|will work)(?: (?:me|"
    rf"us))?{WELL}?){FOR_ME}?"
)
_PRAISES = re.compile(rf"(?:^|.* ){ADJECTIVE} ")
_NAMED_YES = "yes is (?:an?|my favou?rite|the best) .*|.* (?:band|group|song|album|word|team|artist) yes"
_EMPTY_REPLY = re.compile(rf"(?:{_JEER}|{_HEARD}|{_SIGN_OFF}|{_GO_ON}|{_NAMED_YES})(?: [.!])*")


def match_phrase(text: str, start: int, action: Action) -> Part | None:
    """Return the longest phrase at `start`, or None. Of equally long ones the first in the table counts."""
    best: Part | None = None
    for kind, pattern in _PHRASES:
        found = pattern.match(text, start)
        if found and (best is None or found.end() > best.end):
            best = Part(kind, found.end())
    order = _ACTION_ORDERS.get(action)
    found = order.match(text, start) if order else None
    if found and (best is None or found.end() > best.end):
        best = Part(Kind.TAIL, found.end())
    return best


def match_fact_remark(text: str, start: int) -> Part | None:
    """Return a remark that completes a restated fact, such as "is fine" after "row 5", or None."""
    found = _FACT_REMARK.match(text, start)
    return Part(Kind.RECEIPT, found.end()) if found else None


def ends_in_praise(text: str) -> bool:
    """Whether a stretch of text ends in a word such as "great", which may be praising what follows it."""
    return _PRAISES.fullmatch(text) is not None


def is_empty_yes(text: str) -> bool:
    """Whether the whole text is a yes in form only: "yeah, right", "yes, I see"."""
    return _EMPTY_REPLY.fullmatch(text) is not None
