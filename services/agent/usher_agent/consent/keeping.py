"""Replies that refuse a change of tickets in the words of keeping them: "keep it", "leave it as it is".

The same words say something else of a purchase: there "keep it" may as well take the seats, and decides nothing.
"""

import re

from usher_agent.consent.model import Action

_NAMES = {
    Action.BUY: "order|purchase|booking",
    Action.UPGRADE: "upgrade|move",
    Action.EXCHANGE: "exchange|swap|change|switch|trade",
    Action.REFUND: "refund|return|cancell?ation",
    Action.CANCEL: "cancell?ation|refund",
    Action.CREDIT: "credit|store credit|return",
}
_VERBS = {
    Action.BUY: "buy|book|order|purchase",
    Action.UPGRADE: "upgrade|move",
    Action.EXCHANGE: "exchange|swap|change|switch|trade|move",
    Action.REFUND: "refund|return|cancel|give back",
    Action.CANCEL: "cancel|refund",
    Action.CREDIT: "credit|return|give back",
}
_LEAD = (
    "(?:(?:oh|um|uh|well|hm+|sorry|actually|thanks|thank you|ok|okay|alright|please|just|so|then|but|and|wait|"
    "hold on|hang on|no+|nope|nah|stop|you know what|on second thoughts?|come to think of it|after all|"
    "(?:i|we) (?:have )?changed (?:my|our) minds?|changed my mind|never ?mind|let me think|absolutely not)"
    "(?: [,.!;-]+)* )*"
)
_OURS = "(?:my|our|the|these|those|this|that|both(?: of)?(?: my| our| the)?|all(?: of)?(?: my| our| the)?)"
_THINGS = (
    f"(?:it|them|these|those|that|this|everything|(?:things|all)|what (?:i|we) (?:have|got|have got)|"
    f"{_OURS}(?: (?:own|old|current|original|present|existing))? "
    "(?:tickets?|seats?|orders?|bookings?|ones?|places?))"
)
_PERSON = "(?:i|we|let me|let us)"
_WANT = (
    "(?: (?:will|would|would rather|would like to|would prefer to|want to|wanna|prefer to|rather|think i will|"
    "think we will|am going to|are going to|am gonna|have decided to|had better|decided to|do want to|still want to|"
    "just|actually|better))*"
)
_AS_IT_IS = (
    "(?: (?:as|the way|how) (?:it|they|things|everything)? ?(?:is|are|was|were)| as is| alone| be| like (?:that|this))"
)
_KEEP = (
    f"(?:{_PERSON}{_WANT} )?(?:keep(?:ing)?|hold on to|hang on to|stick with|stay with|hold onto) {_THINGS}{_AS_IT_IS}?"
    f"|(?:{_PERSON}{_WANT} )?(?:leave|let) {_THINGS}{_AS_IT_IS}?"
    f"|(?:i|we)(?: (?:do|still|will|would like to|want to|am|are|do want to))+ (?:go|going|attend|come|coming|use them)"
    "|(?:i|we)(?: (?:can|am|are|will))+ (?:go|going|make it|come|coming)"
)
_AFTER = (
    "(?: (?:please|thanks|thank you|then|instead|after all|for now|now|anyway|though|too|actually|ok|sorry|"
    "if (?:that is|it is) (?:ok|okay|fine|possible)|that is all|that is fine)| [.,!;-]+)*"
)
_KEEPS = re.compile(f"{_LEAD}(?:{_KEEP}){_AFTER}(?: (?:{_KEEP}){_AFTER})?")


def _called_off(action: Action) -> re.Pattern[str]:
    name, verb = _NAMES[action], _VERBS[action]
    call_off = "(?:forget|cancel|stop|scrap|drop|skip|abort|undo|no more|never ?mind|not|leave|call off)"
    return re.compile(
        f"{_LEAD}(?:(?:please )?{call_off}(?: about)? (?:the|that|this|my|our|any)(?: whole)? (?:{name})"
        f"|(?:do not|(?:i|we) (?:do not want to|would rather not|will not)) "
        f"(?:(?:{verb})(?: {_THINGS})?|do (?:it|that|this))"
        f"|no (?:{name}))(?: (?:any ?more|now|today))?{_AFTER}(?: (?:{_KEEP}){_AFTER})?"
    )


_CALLED_OFF = {action: _called_off(action) for action in Action}


def refuses_in_other_words(text: str, action: Action) -> bool:
    """Whether a normalised reply, as a whole, calls the proposal's action off by its name, or keeps what it changes."""
    if _CALLED_OFF[action].fullmatch(text):
        return True
    return action is not Action.BUY and _KEEPS.fullmatch(text) is not None
