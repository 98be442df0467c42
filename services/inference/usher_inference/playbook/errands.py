"""Two requests in one message: the first is served, the second kept and taken up afterwards."""

import re

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
    rf"(?P<later>{_COUNTED}{_AIM}\w.*|(?:upgrade|refund|cancel|show me) (?:my|our)\b.*)$",
    re.IGNORECASE | re.DOTALL,
)
_SINGLE = ("1", "one", "a", "an", "another")
_TICKETS = re.compile(r"\b(?:tickets?|seats?|tix)\b", re.IGNORECASE)
_FIRST = re.compile(r"\b(?:for|to see|to)\s+(?!me\b|us\b|myself\b)\w", re.IGNORECASE)


def part(text: str) -> tuple[str, str]:
    """The first request and the later one; the whole text and "" where there is one only."""
    second = _SECOND.search(text)
    if second is None or not _FIRST.search(text[: second.start()]):
        return text, ""
    later = re.sub(
        r"^([\w ]+?)\s+(?=(?:for|to see|to)\s)",
        lambda count: f"{count[1]} ticket{'s' * (count[1].lower() not in _SINGLE)} ",
        second["later"].strip(),
        count=1,
    )
    return text[: second.start()], later if _TICKETS.search(second["later"]) is None else second["later"].strip()
