"""What an agent's reply wants of the customer, told by cues that any agent's words share; no model is asked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Ask(StrEnum):
    """What the customer is asked, or told."""

    EVENT = "which event"
    CITY = "which city"
    DATE = "which date"
    QUANTITY = "how many"
    SECTION = "which seats"
    LIMIT = "what price limit"
    OFFER = "whether to take these"
    WHICH = "which of these"
    MEANT = "whether this one is meant"
    ORDER = "which order"
    ALTERNATIVE = "whether something else will do"
    RETRY = "whether to try again"
    PERSON = "whether a person should look at it"
    NEXT = "whether to go on with the other request"
    SURE = "whether it is really wanted"
    MORE = "anything else"
    DONE = "it is done"
    UNKNOWN = "it is not known whether it is done"
    LATER = "it cannot be done now"
    REFUSED = "it cannot be done"
    TOLD = "an answer"
    NONE = "nothing that is understood"


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_THING = r"(?:event|show|concert|game|match|artist|band|team|performance|production|act|play|comedian)"
# of one question, the first that fits; the order matters
_QUESTIONS: tuple[tuple[Ask, re.Pattern[str]], ...] = (
    (
        Ask.MORE,
        _any(
            r"\banything else\b",
            r"\bsomething else (?:i|we) can\b",
            r"\bhelp (?:you )?with anything\b",
            r"\belse (?:can|may|could|do) (?:i|you)\b",
            r"\bwhat (?:else|more)\b",
        ),
    ),
    (
        Ask.NEXT,
        _any(
            r"\b(?:look into|take up|continue with|go on with|move on to) (?:that|the other|your other|it)\b",
            r"\bstart with\b",
        ),
    ),
    (
        Ask.PERSON,
        _any(
            r"\b(?:person|human|colleague|agent|support (?:team|desk|ticket)|staff|someone)\b.*\b(?:look|help|take|"
            r"contact|pass|speak|talk|connect|reach|handle)|\b(?:pass|hand|connect|transfer|open)\b.*\b(?:person|human|"
            r"colleague|support|staff|team|agent)\b",
        ),
    ),
    (
        Ask.RETRY,
        _any(
            r"\btry (?:it |that |this )?(?:again|once more|another time)\b",
            r"\bretry\b",
            r"\bone more (?:try|time)\b",
            r"\blook again\b",
        ),
    ),
    (
        Ask.ORDER,
        _any(
            r"\bwhich (?:of (?:your|these|the) )?(?:orders?|bookings?|purchases?|reservations?)\b",
            r"\border (?:number|id)\b",
            r"\bwhat order\b",
            r"\bwhich one of your\b",
        ),
    ),
    (
        Ask.MEANT,
        _any(
            r"\b(?:did|do) you mean\b",
            r"\bis (?:that|this|it) the (?:one|right)\b",
            r"\bwould you like (?:that|this) one\b",
            r"\bis (?:this|that) (?:what|who|correct|right)\b",
        ),
    ),
    (
        Ask.QUANTITY,
        _any(
            r"\bhow many\b",
            r"\b(?:number|quantity) of (?:tickets|seats|people)\b",
            r"\bhow (?:large|big) is (?:your|the) (?:party|group)\b",
        ),
    ),
    (
        Ask.LIMIT,
        _any(
            r"\bbudget\b",
            r"\b(?:price|spending) (?:limit|range|cap)\b",
            r"\b(?:maximum|max|most)\b.*\b(?:price|pay|spend)\b",
            r"\bhow much (?:would|do|can|are|could) you\b.*\b(?:spend|pay|add)\b",
        ),
    ),
    (
        Ask.ALTERNATIVE,
        _any(
            r"\b(?:other|another|different|alternative|cheaper|more expensive)\b.{0,40}"
            r"\b(?:seats?|dates?|days?|events?|shows?|sections?|areas?|options?|"
            r"prices?|nights?|time)\b",
            r"\binstead\b",
            r"\bwait(?:ing)?[- ]?list\b",
            r"\balternatives?\b",
            r"\bseparately\b",
            r"\bsplit\b",
        ),
    ),
    (
        Ask.WHICH,
        _any(
            r"\bwhich (?:one|of (?:these|them|those))\b",
            r"\bwhich would you (?:like|prefer)\b",
            r"\bany of (?:these|those|them)\b",
            r"\bdo any\b",
        ),
    ),
    (
        Ask.SECTION,
        _any(
            r"\b(?:which|what|any|preferred|particular)\b.{0,25}"
            r"\b(?:section|seats?|seating|area|tier|level|part of the (?:house|hall))\b",
            r"\bwhere (?:would|do) you (?:like|want|prefer) to sit\b",
            r"\bseating preference\b",
            r"\bprefer(?:ence)?\b.{0,30}\b(?:section|seat)\b",
        ),
    ),
    (
        Ask.EVENT,
        _any(
            rf"\b(?:which|what) {_THING}\b",
            rf"\b{_THING}\b.{{0,30}}\b(?:interested|looking for|in mind|name)",
            r"\bwhat would you like to (?:see|do|book)\b",
            r"\bwhat are you (?:looking for|interested)",
            r"\bname of the\b",
            r"\bwhat(?:'s| is) on your mind\b",
        ),
    ),
    (
        Ask.DATE,
        _any(
            r"\b(?:which|what) (?:date|day|night|evening|time|performance)\b",
            r"\bwhen (?:would|do|are|is)\b",
            r"\bon (?:which|what) (?:date|day)\b",
        ),
    ),
    (
        Ask.CITY,
        _any(
            r"\b(?:which|what) (?:city|town|location|venue|area)\b",
            r"\bwhere (?:are|do|would|should)\b",
            r"\bin (?:which|what) (?:city|town)\b",
        ),
    ),
    (
        Ask.SURE,
        _any(
            r"\bare you sure\b",
            r"\b(?:do you|please) confirm\b",
            r"\bconfirm\b",
            r"\bshall i (?:refund|cancel|exchange|upgrade|make this|"
            r"give these|swap|move|change)\b",
            r"\bwould you like me to (?:refund|cancel|exchange|upgrade|swap|move|change)\b",
            r"\bdo you (?:still )?want (?:me )?to (?:go ahead|proceed|refund|cancel|exchange|upgrade)\b",
            r"\b(?:let (?:the|these|those|your) seats go)\b",
        ),
    ),
    (
        Ask.OFFER,
        _any(
            r"\b(?:shall|should|may|can) i "
            r"(?:hold|book|reserve|get|buy|take|prepare|place|grab|check|look|find|search|set|go)\b",
            r"\bwould you like (?:me to|to|these|those|them|it)\b",
            r"\bdo(?:es)? (?:these|those|that|this|they|it) (?:work|suit|look|sound|fit)\b",
            r"\bdo you want (?:me to|to|these|those|them|it)\b",
            r"\bwant me to\b",
            r"\bhow (?:about|do) (?:these|those|that|they)\b",
            r"\bgo ahead\b",
            r"\bproceed\b",
            r"\binterested\b",
            r"\bsound good\b",
            r"\bok(?:ay)? (?:for|with) you\b",
        ),
    ),
    (
        Ask.EVENT,
        _any(r"\bwhat (?:can|could|may|would|do|shall)\b.*\b(?:i|you)\b", r"\bhow (?:can|may) i (?:help|assist)\b"),
    ),
)
_STATEMENTS: tuple[tuple[Ask, re.Pattern[str]], ...] = (
    (
        Ask.UNKNOWN,
        _any(
            r"\b(?:do not|don't|cannot|can't|not) (?:yet )?(?:know|tell|sure|certain|say)\b.{0,40}\b(?:whether|if)\b",
            r"\bstatus (?:is )?unknown\b",
            r"\b(?:outcome|result) is (?:not known|unknown|unclear)\b",
            r"\bstill have no answer\b",
            r"\bi(?:'m| am) (?:still )?checking\b",
            r"\bkeep checking\b",
        ),
    ),
    (
        Ask.LATER,
        _any(
            r"\bright now\b",
            r"\bjust now\b",
            r"\bat the moment\b",
            r"\btemporar",
            r"\btry (?:it |that |this )?again\b",
            r"\blater\b",
            r"\bin a (?:minute|moment|few)\b",
            r"\bcannot be reached\b",
            r"\btechnical\b",
            r"\btook too long\b",
            r"\bwent wrong\b",
            r"\bunavailable\b",
            r"\bcould not (?:reach|check|look|finish)\b",
            r"\bcouldn't (?:reach|check|look|finish)\b",
        ),
    ),
    (
        Ask.DONE,
        _any(
            r"\b(?:all set|done|confirmed|completed|complete)\b",
            r"\b(?:has|have) been (?:booked|refunded|upgraded|exchanged|credited|purchased|charged)\b",
            r"\b(?:is|are) (?:booked|refunded|upgraded|exchanged|yours)\b",
            r"\benjoy the\b",
            r"\bwas charged\b",
        ),
    ),
    (
        Ask.REFUSED,
        _any(
            r"\b(?:can't|cannot|can not|unable|not able|won't|isn't possible|is not possible|"
            r"not allowed|not permitted|not eligible|no longer)\b",
            r"\bsorry\b",
            r"\bsold out\b",
            r"\bno (?:free )?(?:seats|tickets|orders?|events?|such|record)\b",
            r"\bcan't find\b",
            r"\bnot (?:available|found|offered|refundable)\b",
            r"\bunfortunately\b",
            r"\boutside\b",
            r"\bnothing (?:was|has been) (?:charged|changed)\b",
            r"\bnever (?:charged|changed)\b",
        ),
    ),
)
_WORDS = re.compile(r"[A-Za-z]{3}")
_SENTENCE = re.compile(r"(?<=[.!?])[\s\"')\]*_]+|\n+")


@dataclass(frozen=True, slots=True)
class Reading:
    """`ask` is what matters most; `asked` says whether it stood in a question."""

    ask: Ask
    asked: bool


def read(reply: str) -> Reading:
    """What the reply wants: its last question that is understood, else what it states."""
    sentences = [part.strip() for part in _SENTENCE.split(reply) if part.strip()]
    questions = [sentence for sentence in sentences if "?" in sentence]
    for question in reversed(questions):
        for ask, cues in _QUESTIONS:
            if cues.search(question):
                return Reading(ask, True)
    for ask, cues in _STATEMENTS:
        if cues.search(reply):
            return Reading(ask, False)
    # words of asking without a question mark: "Please tell me which date you prefer."
    for sentence in reversed(sentences):
        if re.search(r"\b(?:please|let me know|tell me|just say|could you)\b", sentence, re.IGNORECASE):
            for ask, cues in _QUESTIONS:
                if cues.search(sentence):
                    return Reading(ask, True)
    if questions or not _WORDS.search(reply):
        return Reading(Ask.NONE, bool(questions))
    return Reading(Ask.TOLD, False)
