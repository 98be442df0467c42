"""Never the same words for ever: what was said twice to no avail gives way to choices, then to a person."""

from usher_inference.playbook.phrases import Asked, question_in
from usher_inference.playbook.state import Dialogue

_MOST_TIMES = 2  # that the same text is said in a row
_CHOICES = {
    Asked.QUANTITY: "Just a number will do, such as 2.",
    Asked.EVENT: "You can name an artist, a team, a city or a day, or ask what is on.",
    Asked.WHICH: "You can answer with its number in the list.",
    Asked.ORDER: "You can answer with its number in the list, or with the event's name.",
    Asked.LIMIT: "You can name an amount, a section, or say “no limit”.",
    Asked.SEATS_BACK: "You can name the seat numbers, or say “all”.",
    Asked.SEATS_PART: "You can name the seat numbers, or say “all”.",
    Asked.WAY: "You can say “refund”, “exchange” or “credit”.",
    Asked.INSTEAD: "You can name a day, an event or a section.",
    Asked.WAIT_COUNT: "Just a number will do, such as 2.",
    Asked.WAIT_WHICH: "You can answer with its number in the list.",
    Asked.OFFER: "Please answer yes or no, or tell me what to change.",
    Asked.PREPARE: "Please answer yes or no, or tell me what to change.",
}


def way_on(d: Dialogue, text: str) -> str:
    """The text; or, where it was the last thing said already, with what may be answered; after that, with a person."""
    said = _times(d, text)
    if said == 0 or d.proposal:
        return text
    asked = question_in(text)
    if said < _MOST_TIMES and asked in _CHOICES:
        return f"{_CHOICES[asked]} {text}" if asked else text
    if said < _MOST_TIMES or asked is Asked.PERSON:
        return text
    return f"We seem to go round in circles, I'm sorry. {Asked.PERSON.value}"


def _times(d: Dialogue, text: str) -> int:
    """How often in a row the text was the last thing said, with its choices or without."""
    times = 0
    for said in reversed(d.said):
        if not said.endswith(text):
            break
        times += 1
    return times
