"""Clear rejections: "no, cancel it" turns the proposal down, while "no, make it 3" asks for another one."""

import re

from usher_agent.consent.numbers import WORDS
from usher_agent.consent.text import word_set

_REFUSAL = re.compile(
    r"(?:(?:oh|um|well|hm+|sorry|i am sorry|actually|thanks|thank you|ok|please|just) (?:[,.] )?)*"
    r"(?:no(?:pe)?(?! (?:idea|clue|problem|issue|worries|doubt|rush|hurry|matter))|nah|naw|no way|negative"
    r"|👎|❌"
    r"|(?:please )?(?:cancel|stop|abort|decline|reject|scrap|drop|forget)"
    r"(?: (?:it|that|this|them|the (?:order|purchase|"
    r"booking|tickets?|whole thing|request)|about it))?(?= [.,!]| please| thanks| thank|$)"
    r"|(?:absolutely|definitely|certainly|of course|surely|hell|god|oh|most certainly) (?:not|no)"
    r"|(?:just )?(?:leave|skip) (?:it|that|them)(?= [.,!]| please| then| thanks| thank|$)"
    r"|never ?mind|nvm|changed my mind|no longer interested"
    r"|not (?:interested|now|today|any ?more|this time|really|at all|for me|a chance)"
    r"|(?:please )?do not (?!want to miss)(?:buy|book|purchase|order|get|do|want|charge|confirm|bother|proceed|"
    r"go ahead|take)"
    r"|(?:i|we) (?:do|would|will|am|are) not (?!want to miss)(?:want|interested|like|need|be|go|agree|accept|"
    r"take|buy|confirm|consent)"
    r"|(?:i|we) (?:have )?changed (?:my|our) minds?|(?:i|we) (?:decline|refuse|reject|disagree|pass|will pass)"
    r"|(?:i|we) am not interested|(?:that|this|it) is (?:wrong|incorrect|not (?:right|correct))"
    r"|wrong|incorrect|hard pass)"
    r"(?= |$)"
)
# Words that call the purchase off whatever is asked for next: "no, forget it. All I want is two for Sunday".
_CALLED_OFF = re.compile(
    r"(?:(?:oh|um|well|hm+|sorry|actually|ok|no+|nope|nah|please|thanks|thank you|wait|yikes|ugh)(?: [,.!])* )*"
    r"(?:(?:please )?(?:cancel|stop|scrap|drop|forget) (?:it|that|this|them)(?: all)?(?: please)?"
    r"|(?:please )?do not (?:buy|book|purchase|order|get|charge|confirm|do) (?:it|them|that|this|those|anything|me|"
    r"my card)"
    r"|never ?mind|do not|i (?:have )?changed my mind|stop(?= ,))(?: please| then)?(?= [.!;]|$| - |(?<=stop) ,)"
)
# What a correction, a condition or another request is made of, past the refusal itself.
_MORE = word_set(
    "? want need like make change switch instead rather but if unless can could would what how which where when "
    "who maybe wait hold row seat section cheaper prefer different other another only just meant should later yes "
    "yeah ok okay sure buy book get find look until let us .. ..."
) | frozenset(WORDS)


_HESITATES = re.compile(
    r"\b(?:yes|yeah|yep|ok|okay|yet|until|unless|maybe|go ahead|after all|kidding|joking|wait)\b|\?"
)


def is_rejection(text: str) -> bool:
    """Whether a normalised reply turns the proposal down and asks for nothing else."""
    called_off = _CALLED_OFF.match(text)
    if called_off and not _HESITATES.search(text, called_off.end()):
        return True
    refusal = _REFUSAL.match(text)
    if not refusal:
        return False
    rest = text[refusal.end() :]
    while again := _REFUSAL.match(rest := rest.lstrip(" .,!;-")):
        rest = rest[again.end() :]
    return not any(token in _MORE or any(character.isdigit() for character in token) for token in rest.split())
