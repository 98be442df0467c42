"""An explicit yes whose affirmation ends in a stray question mark: "yes, that is correct?".

Only whole replies count, in the order of words of a statement and with one mark: "yes, is that right?", "yes? that is
right" and "that is right??" do ask.
"""

import re

from usher_agent.consent.patterns import any_of, words_of

_YES = words_of("yes yeah yep yup yea ya yes+")
_RIGHT = words_of("right correct accurate perfect")
_AFFIRMATION = any_of(
    f"(?:that|this|it) is(?: (?:all|exactly|absolutely|quite|just))? {_RIGHT}",
    "you are(?: (?:absolutely|quite|exactly))? (?:right|correct)",
    "you (?:have|got|have got) (?:it|that|this|everything|me) (?:right|correct)",
)
_THANKS = "(?: ,)? (?:please|thanks|thank you)"
_ECHO = re.compile(rf"{_YES}(?:(?: [,.!-])? {_YES})?(?: [,.!-])* {_AFFIRMATION}(?:{_THANKS})? \?")
_ONE_MARK = re.compile(r"[^?]*[^?!\s]\s?\?\s*")


def is_echoed_yes(message: str, text: str) -> bool:
    """Whether the whole `message`, `text` in its normalised form, is such a yes."""
    return _ECHO.fullmatch(text) is not None and _ONE_MARK.fullmatch(message) is not None
