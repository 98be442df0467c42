"""What customers say after they have asked for the place or the time: "I have a pen", "let me see if I should drive".

An aside speaks of the way there, of being on time or of writing the answer down. It has no place for whether the
customer comes at all, and it is read only where a harmless question stands before it.
"""

import re

from usher_agent.consent.patterns import any_of, words_of
from usher_agent.consent.phrases import Kind, Part

_VEHICLE = words_of("train bus subway metro tube tram cab taxi uber lyft ferry")
_TRAVEL = any_of(
    "(?:rent|hire) a car|drive|walk|carpool|cycle|use public (?:transport|transportation|transit)",
    f"(?:take|catch|call|order|book|get) (?:the|an?) {_VEHICLE}|get a (?:ride|lift)",
)
_TRAVELLING = any_of(
    f"(?:driving|walking|cycling|taking (?:the|an?) {_VEHICLE})",
    f"(?:coming|going)(?: there)? (?:by|in|on) (?:(?:the|a|my|our) )?(?:car|bike|foot|{_VEHICLE})",
)
_THERE = "(?: there| over)?"
_WRITE = any_of(
    *(f"{verb} (?:it|that|this|(?:the|that) (?:address|time|location)) down" for verb in ("write", "jot", "note")),
    "(?:make|take) a note(?: of (?:it|that|this))?",
)
_WRITING = "(?:writing|jotting|noting) (?:it|that|this) down"
_PEN = words_of("pen pencil notepad notebook")
_END = "(?= [.,!?;-]| (?:and|please|thanks|thank)(?: |$)|$)"
_ASIDE = re.compile(
    any_of(
        rf"(?:let (?:me|us)|(?:i|we) (?:have to|need to|want to|will|am trying to)) (?:see|check|figure out|find out|"
        rf"work out) "
        rf"(?:(?:if|whether) (?:i|we) (?:should|need to|have to) {_TRAVEL}|whether to {_TRAVEL})"
        rf"(?: or (?:just )?{_TRAVEL})?{_THERE}",
        rf"(?:i|we) (?:now |finally )?(?:(?:have )?(?:got|found)|have|grabbed) (?:an?|my|the) (?:(?:new|working|better|"
        rf"different) )?{_PEN}(?: and (?:a )?(?:some )?(?:paper|{_PEN}))?(?: (?:now|ready|here|handy|out))*",
        rf"(?:let (?:me|us)|(?:i|we) (?:will|want to|need to|would like to|am going to|have to))(?: just| quickly)? "
        rf"{_WRITE}|(?:i|we) (?:am|are) {_WRITING}",
        "(?:i|we) (?:do not want to|would hate to|hate to) (?:get lost|(?:be|arrive|show up|get there|come) late)",
        "(?:i|we) (?:hate|do not like) (?:(?:being|arriving|coming) late|getting lost)",
        "(?:i|we) (?:always |often |tend to )?get lost(?: (?:so |very |quite )?(?:easily|a lot|often))?",
        "(?:i|we) have (?:never|not) been (?:there|in (?:the|that) (?:area|part of town))(?: before)?",
        "(?:it is|it will be|this is) (?:my|our) first (?:time|visit) there",
        "(?:i|we) (?:want|would like|plan|like|hope|need) to (?:be|get|arrive|come|show up)(?: there)?"
        "(?: (?:a bit|a little|nice and))? (?:early|on time|in (?:good )?time)",
        rf"(?:i|we) (?:am|are|will be) {_TRAVELLING}{_THERE}",
    )
    + _END
)
# Closes the question before it, and asks for nothing else.
_WILL_YOU = re.compile(
    r"(?:can|could|will|would) you (?:please )?(?:tell me|tell us|let me know|let us know|inform me|help me|help us|"
    r"help)(?: (?:with )?(?:that|this|it|those|these))?(?: please)?(?= [.?!]|$)"
)


def match_aside(text: str, start: int) -> Part | None:
    """Return the aside at `start` of a text that has asked for place or time before, or None."""
    if found := _WILL_YOU.match(text, start):
        return Part(Kind.QUESTION, found.end())
    found = _ASIDE.match(text, start)
    return Part(Kind.RECEIPT, found.end()) if found else None
