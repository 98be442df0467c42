"""What a message asks for beyond the plain intents: store credit, the wait list, tickets and receipts, "as last time".

Each request has a name and the words that show it.
"""

import re
from enum import StrEnum
from functools import lru_cache


class Request(StrEnum):
    """One thing asked for."""

    EXCHANGE = "exchange"
    REFUND = "refund"
    CREDIT = "credit"  # tickets given back for store credit
    UPGRADE = "upgrade"  # better seats than those one has
    BALANCE = "balance"  # how much store credit there is
    JOIN = "join"
    LEAVE = "leave"
    WAITING = "waiting"  # how the wait stands
    PAPERS = "papers"  # tickets, QR codes, receipts
    OWN = "own"  # which tickets there are
    OPTIONS = "options"  # what may be done with tickets that cannot be used
    REPEAT = "repeat"  # as in the last order


_TICKETS = r"(?:tickets?|seats?|orders?|bookings?|purchases?|ones?)"
_MINE = r"(?:my|our|these|those|this|the|that|both(?: of)?(?: my| our)?)"
_WAIT_LIST = r"(?:wait(?:ing)?[- ]?lists?|stand[- ]?by(?: list)?)"

_JOIN = re.compile(
    rf"\b(?:join|add|put|get|sign)\b[\w ']{{0,30}}\b{_WAIT_LIST}|^\W*(?:the )?{_WAIT_LIST}(?: please| then)?\W*$|"
    rf"\b(?:is|do you have|got|have you got) (?:there )?a {_WAIT_LIST}|\b{_WAIT_LIST} (?:me|us|for)\b|"
    r"\b(?:let|tell|notify|alert|text|ping|message|e-?mail) (?:me|us)\b[\w ',]{0,30}\b(?:if|when|once|as soon as)\b"
    r"[\w ',]{0,40}\b(?:free|available|open(?:s|ed)?|turns? up|cancel\w*|back on sale|drops?|released?)\b|"
    r"\bi(?:'ll| will|'d like to| can) wait\b[\w ]{0,20}\b(?:for|until|till)\b[\w ]{0,20}\b(?:seats?|tickets?|free)\b",
    re.IGNORECASE,
)
_LEAVE = re.compile(
    rf"\b(?:leave|quit|cancel|remove|take|get|off|drop|out of|exit|stop)\b[\w ']{{0,30}}\b{_WAIT_LIST}|"
    r"\b(?:stop|no longer want to|don'?t want to|not) wait(?:ing)?\b(?! (?:a|one) )|"
    r"\b(?:don'?t|do not|no longer|cancel|stop|end|drop)\b[\w' ]{0,20}\bwait\b(?! (?:a|one|for it)\b)|"
    r"\b(?:take|get|drop|remove|strike|cross|scratch) (?:me|us|my name|our names?) (?:off|from|out of)"
    r" (?:it|(?:the|that|this|your) list)\b|"
    r"^\W*(?:(?:please|pls|can you|could you|just|ok(?:ay)?|then|no)\W+)*remove (?:me|us)"
    r"(?: off)?(?: (?:please|pls|then|now|again|thanks))*\W*$|"
    r"\b(?:done|finished) (?:with )?waiting\W*$",
    re.IGNORECASE,
)
_WAITING = re.compile(
    rf"\b(?:am|are|was|is|were) (?:i|we)\b[\w ]{{0,20}}\b(?:{_WAIT_LIST}|on the list)|"
    r"\b(?:got|had|received|saw|have) (?:a|an|the|your|this) (?:message|e-?mail|text|notification|alert|note|sms)\b"
    r"[\w ,']{0,30}\b(?:seats?|tickets?|free|held|available)\b|"
    rf"\b(?:my|our)\b[\w' ]{{0,20}}\b{_WAIT_LIST}|"
    rf"\b(?:position|place|spot|where|far|status|news|update|moved?|number)\b[\w ']{{0,30}}"
    rf"\b(?:{_WAIT_LIST}|in (?:the )?(?:line|queue))|"
    rf"\b{_WAIT_LIST}s?\b[\w ]{{0,10}}\b(?:am i|are we|status|position)|"
    r"\b(?:any|has|have|did)\b[\w ]{0,25}\b(?:seats?|tickets?|anything|something) "
    r"(?:come free|came free|(?:been )?freed up|free up|opened up|open up|turned up)\b|"
    r"\b(?:what|which shows?) (?:am i|are we) waiting for\b",
    re.IGNORECASE,
)
_BALANCE = re.compile(
    r"\b(?:how much|what(?:'s| is| are)?|do (?:i|we) have|have (?:i|we) (?:got)?|check|show|see|is there|any|left|"
    r"remaining|tell)\b[\w' ]{0,30}\b(?:store |account |shop )?credits?\b(?! ?cards?)(?! instead)|"
    r"\b(?:store |account )?credit (?:balance|left)\b|\bbalance\b[\w ]{0,20}\bcredits?\b",
    re.IGNORECASE,
)
_CREDIT_BACK = re.compile(
    rf"\b(?:for|as|into|get|take|want|prefer|rather(?: have)?|have|give|give me|accept|turn|convert|become|with|like)\b"
    rf"[\w' ]{{0,40}}\b(?:store |shop |account )?(?:credits?|vouchers?)\b(?! ?cards?)(?! (?:do|have|left))|"
    rf"^\W*(?:(?:ok(?:ay)?|yes|then|the|no)[\s,]+)*(?:store )?(?:credit|voucher)(?: (?:please|then|instead|is fine|"
    rf"works|would be (?:fine|ok|great)))*\W*$|"
    rf"\bcredit (?:back )?(?:my|our|the) {_TICKETS}",
    re.IGNORECASE,
)
_SPEND = re.compile(r"\b(?:use|using|spend|pay|apply|keep|save)\b[\w' ]{0,25}\b(?:store )?credits?\b", re.IGNORECASE)
_PAPERS = re.compile(
    r"\b(?:receipts?|invoices?|qr[- ]?codes?|qr|bar ?codes?|proof of purchase)\b|"
    r"\b(?:where|how)\b[\w' ]{0,20}\b(?:find|get|see|download|open|print|access|show|scan|are)\b[\w' ]{0,15}"
    r"\b(?:my|our|the) (?:\w+ )?(?:e-?)?tickets?\b|"
    r"\b(?:send|e-?mail|resend|text|forward|download|print|give) (?:me |us )?(?:my|our|the) (?:\w+ )?(?:e-?)?tickets?\b"
    r"(?! (?:back|to))|"
    r"\b(?:haven'?t|didn'?t|did not|have not|never) (?:\w+ )?(?:get|got|gotten|receive|received|see|seen)"
    r"\b[\w' ]{0,12}\b(?:tickets?\b[\w ]{0,12}(?:e-?mail|yet|inbox)|(?:confirmation|e-?mail)\b)|"
    r"\b(?:got|received) no (?:\w+ )?(?:confirmation|e-?mail)\b|"
    r"\b(?:where(?:'s| is)|resend|send me) (?:my|our|the) (?:\w+ )?(?:confirmation|e-?mail)(?! (?:number|code|id))\b|"
    r"\bhow do (?:i|we) get in(?:to)?\b|\b(?:show|scan)\b[\w ]{0,15}\bat the (?:door|gate|entrance)\b",
    re.IGNORECASE,
)
_UPGRADE = re.compile(
    r"\b(?:at|in|inside|watching) (?:the |our |my )?(?:show|game|match|concert|gig|arena|venue|theat\w+|stadium|seats?)"
    r" (?:right )?(?:now|already)\b.*\b(?:better|closer|nearer|nicer|empty|free|down|forward|front|move)\b|"
    r"\b(?:show|game|match|concert|gig|it|first half|second half)(?:'s| is| has)? (?:just |already )?"
    r"(?:started|begun|begins|running|under way|half over|on now)\b.*"
    r"\b(?:better|closer|nearer|nicer|empty|move|front)\b|"
    r"\b(?:half[- ]?time|intermission|interval)\b.*\b(?:better|closer|nearer|nicer|empty|move|front)\b|"
    r"\b(?:can'?t|cannot|barely|hardly) see (?:a thing|anything|much|the \w+)\b.*"
    r"\b(?:better|closer|nearer|nicer|empty|move|front|else)\b|"
    r"\b(?:we(?:'re| are)|i(?:'m| am)) (?:sitting|seated|sat|stuck)\b.*"
    r"\b(?:nearer|closer|better|nicer|lower|upgrade|move)\b|"
    r"\b(?:get|have|want|need|like|any|find|got|are there|is there)\b[\w' ]{0,20}\b(?:better|nicer|closer) "
    r"(?:seats?|tickets?|spots?|places?)\b|\b(?:sit|move|be|get) (?:\w+ )?(?:closer|nearer|further down|lower)\b.*"
    r"\b(?:already|my|our) (?:have |got |bought )?(?:tickets|seats|order)\b|"
    r"\b(?:already (?:have|got|bought)|my|our) (?:\w+ )?(?:tickets|seats|order)\b.*"
    r"\b(?:sit|move|be|get) (?:\w+ )?(?:closer|nearer|lower)\b",
    re.IGNORECASE,
)
_RETURN = re.compile(
    rf"\b(?:my|our) (?:\w+ ){{0,2}}?(?:tickets?|seats?)\b[\w ]{{0,20}}\breturned\b|"
    rf"\b(?:give|hand|send) back (?:\w+ ){{0,4}}?{_TICKETS}\b|\b(?:give|send|hand) (?:\w+ ){{1,4}}?{_TICKETS} back\b|"
    rf"\breturn (?:\w+ ){{0,4}}?(?:tickets?|seats?|money)\b|\btake back (?:\w+ ){{0,3}}?(?:tickets?|seats?)\b|"
    rf"\btake (?:my|our|the|these|those) (?:\w+ ){{0,3}}?(?:tickets?|seats?) back\b|"
    rf"\bget rid of (?:\w+ ){{0,3}}?(?:tickets?|seats?)\b",
    re.IGNORECASE,
)
_HINDERED = (
    r"(?:sick|ill|unwell|covid|flu|fever|in hospital|injured|hurt|emergency|funeral|stuck (?:at|in)|"
    r"something(?:'s| has)? (?:came|come|cropped) up|plans (?:have )?changed|double[- ]booked|"
    r"(?:can'?t|cannot|can not|won'?t|unable to|not able to|no longer able to|couldn'?t)\b[\w ]{0,20}\b"
    r"(?:use|make|go|attend|come|be there|travel))"
)
_WAYS = (
    r"(?:options?|possibilit\w+|choices?|alternatives?|what now|"
    r"(?:what|anything)\b[\w' ]{0,24}\b(?:do|done|advise|suggest|possible|recommend))"
)
_OPTIONS = re.compile(
    rf"\b{_HINDERED}\b.*\b{_WAYS}\b|\b{_WAYS}\b.*\b{_HINDERED}\b|"
    r"\bwhat\b[\w' ]{0,15}\bdo with (?:my|our|the|these|those) (?:[\w'&.-]+ ){0,4}?(?:tickets?|seats?|order|booking)\b|"
    r"\bwhat\b[\w' ]{0,15}\b(?:my|our) (?:options|choices)\b[\w' ]{0,12}\b(?:with|for) (?:my|our|the|these) "
    r"(?:[\w'&.-]+ ){0,4}?(?:tickets?|seats?|order|booking)\b|"
    r"\b(?:can'?t|cannot|won'?t|unable to|not able to|couldn'?t)\b[\w ]{0,15}\buse (?:my|our|the|these|those) "
    r"(?:[\w'&.-]+ ){0,4}?(?:tickets?|seats?)\b",
    re.IGNORECASE | re.DOTALL,
)
_OWN = re.compile(
    r"\b(?:which|what|any|the) (?:tickets|seats|orders|bookings)\b[\w ]{0,12}\b(?:i|we) own\b|"
    r"\b(?:what(?:'s| is| are| was)?|where(?:'s| is| are)?|tell me|show me|need|find|lost|forgot|know|have)\b"
    r"[\w ]{0,12}\b(?:my|our) (?:\w+ )?(?:tickets?|orders?|bookings?|confirmation|reservation|reference) "
    r"(?:numbers?|codes?|ids?|reference)\b",
    re.IGNORECASE,
)
_REPEAT = re.compile(
    r"\b(?:same|like|as|what (?:i|we) had)\b[\w' ]{0,30}\b(?:last time|before|last order|previous(?:ly)?|"
    r"previous order|the other day|last (?:week|month|year|game|show))\b|\b(?:the|my|our) usual\b|"
    r"\b(?:re-?order|repeat)\b[\w ]{0,15}\b(?:order|last|previous)\b",
    re.IGNORECASE,
)
_EXCHANGE = re.compile(
    r"^\W*(?:(?:can|could) (?:i|we|you) )?(?:swap|exchange|rebook) (?:to|for) \w|"
    r"\b(?:got|bought|booked|have) (?:\w+ )?(?:for |on )?the wrong (?:day|date|night|show|event|game|seats?)\b|"
    rf"\b(?:exchange|swap|trade(?: in)?|switch|move|change|rebook|reschedule)\b (?:\w+ ){{0,2}}?{_MINE} "
    rf"(?:[\w'&.-]+ ){{0,6}}?{_TICKETS}\b[\w ',]{{0,40}}?\b(?:to|for|into|with|on|instead)\b|"
    rf"\b(?:exchange|swap|rebook|reschedule|trade)\b (?:\w+ ){{0,2}}?{_MINE}\b|"
    rf"\brather (?:go to|see|have|be at|attend)\b.{{2,60}}\bthan\b.*\b(?:switch|swap|change|move|exchange)\b|"
    rf"\b(?:exchange|swap|trade in|rebook) (?:(?:one|two|three|four|five|six|\d+|some|a couple) of )?(?:{_MINE} )?"
    rf"(?:[\w'&.-]+ ){{0,4}}?(?:{_TICKETS}|them|it)\b|"
    rf"\b(?:change|move|switch) {_MINE} (?:[\w'&.-]+ ){{0,5}}?{_TICKETS} (?:to|for|into)\b|"
    rf"\b(?:a )?different (?:date|day|night|show|event|game)\b[\w ]{{0,15}}\b(?:for|with) {_MINE} {_TICKETS}|"
    rf"\b(?:go|come) (?:to|on) (?:the )?[\w' ]{{2,40}} instead of (?:the )?[\w' ]{{2,40}}(?:i|we) "
    rf"(?:have|bought|booked)",
    re.IGNORECASE,
)


_TO_DAY = re.compile(
    r"^\W*(?:(?:please|can|could|may|would it be possible to|i'?d like to|i want to|we want to|we'?d like to|let'?s|"
    r"is it possible to) ?(?:i|we|you|us)? ?)*(?:please )?(?:switch|change|move|go|swap)(?: (?:it|them))? (?:over )?to "
    r"(?:the )?\w",
    re.IGNORECASE,
)


def moves_on(text: str) -> bool:
    """ "Can we switch to Friday?": of an order where nothing is being bought."""
    return _TO_DAY.search(text) is not None


@lru_cache(maxsize=4096)
def read_request(text: str) -> Request | None:
    """The request that the words hold, the narrowest first; None for most messages."""
    return next((request for request, words in _ORDERED if words.search(text)), None)


_ORDERED = (
    (Request.LEAVE, _LEAVE),
    (Request.WAITING, _WAITING),
    (Request.JOIN, _JOIN),
    (Request.BALANCE, _BALANCE),
    (Request.CREDIT, _CREDIT_BACK),
    (Request.PAPERS, _PAPERS),
    (Request.REFUND, _RETURN),
    (Request.OPTIONS, _OPTIONS),
    (Request.UPGRADE, _UPGRADE),
    (Request.OWN, _OWN),
    (Request.REPEAT, _REPEAT),
    (Request.EXCHANGE, _EXCHANGE),
)


def spends_credit(text: str) -> bool | None:
    """Whether store credit is to pay; None when nothing is said of it."""
    said = _SPEND.search(text)
    if said is None:
        return None
    refused = re.search(r"\b(?:don'?t|do not|not|without|keep|save|rather not)\b", text, re.IGNORECASE)
    return refused is None
