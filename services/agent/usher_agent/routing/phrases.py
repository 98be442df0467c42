"""The words that tell for whom a message is: (specialist, weight 0..1, expression over lower-case text).

From 0.9 on a phrase names the matter outright; about 0.8 it is likely. The strongest of each specialist counts.
"""

from __future__ import annotations

import re
from typing import Final

from usher_shared.contracts.handover import SpecialistName

_MINE = r"(?:my|our)"
_COUNT = r"(?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten)"
_NUMBER = rf"(?:{_COUNT}|both|all|some|a few)"
_BOUGHT = r"(?:tickets?|tix|seats?|orders?|bookings?|reservations?|purchases?)"
_OWNED = (
    rf"(?:{_MINE} (?:\w+ ){{0,3}}?{_BOUGHT}|(?:the|those|these|this|that|an?) (?:orders?|bookings?|purchases?)|"
    rf"{_BOUGHT} (?:that )?(?:i|we)(?:'ve| have)? (?:already |just )?(?:bought|booked|ordered|paid|own|have|got|can't)|"
    rf"(?:order )?ord_\w+)"
)

_UPGRADE: tuple[tuple[float, str], ...] = (
    (0.96, r"\bupgrad(?:e|es|ed|ing)\b"),
    (
        0.95,
        rf"\bmove {_MINE} (?:orders?|seats?|tickets?) (?:up |down )?to (?:the )?(?:section|row|vip|stalls|front)\b|"
        r"\b(?:i|we)(?:'re| are| sit) in (?:row|section|block|the) .*\b(?:nearer|closer|better|further (?:down|"
        r"forward))\b",
    ),
    (
        0.93,
        r"\b(?:bump|move|moved|seat|put) (?:us|me) (?:up|down|closer|forward|further|nearer|to|in|into)\b|"
        rf"\b(?:bump|improve) {_MINE}\b",
    ),
    (
        0.93,
        rf"\b(?:better|nicer|closer|nearer|premium|vip)\b.*\b(?:than (?:mine|ours|what (?:i|we)|(?:the )?ones|those|"
        rf"{_MINE})|{_OWNED})|\b(?:i|we)(?:'ve| have| hold| already have| bought| got) (?:\w+ ){{0,4}}?{_BOUGHT}\b.*"
        r"\b(?:better|nicer|closer|nearer|forward|move|premium|pay extra|extra|surcharge|put (?:me|us)|section \w+, )",
    ),
    (
        0.93,
        r"\b(?:already (?:inside|here|there)|at the (?:game|match|show|venue) now|half[- ]?time|second half|"
        r"(?:during|in) the (?:break|game|match|interval))\b.*\b(?:seats?|closer|nearer|premium|lower|better|sit)\b|"
        r"\bthe ones i have\b|\bthan our current\b|\bmake my order (?:vip|premium)\b|\bbetter (?:view|places?|spots?) "
        rf"(?:for|than|on) {_MINE}\b|\bmove {_MINE} (?:order|seats?) to (?:section|row|vip)\b",
    ),
)
_SUPPORT: tuple[tuple[float, str], ...] = (
    (0.94, r"\brefund(?:s|ed|ing)?\b|\breimburse\w*|\bcompensat\w+|\bmoney (?:back|returned)\b|\bget my money\b"),
    (
        0.94,
        rf"\b(?:cancel|undo|return|give|send|change|exchange|swap|trade|move|rebook|transfer|reschedule|switch) "
        rf"(?:back )?(?:{_NUMBER} of (?:the )?(?:{_NUMBER} )?)?{_OWNED}|\bcancel {_NUMBER} of\b|"
        rf"\breturn {_NUMBER} of\b|\bgive back {_NUMBER} of {_MINE}\b|\brebook (?:me|us)\b|"
        r"\b(?:exchange|swap|trade) (?:\w+ ){0,3}?(?:for|to) (?:a(?:nother)?|the|sunday|saturday|friday) ?"
        r"(?:\w+ )?(?:date|day|night|show|performance|ones)\b",
    ),
    (
        0.93,
        rf"\b{_MINE} (?:\w+ )?(?:orders?|bookings?|purchases?|receipts?|invoices?)\b|\bord_\w+|\bsup_\w+|"
        rf"\bwhere (?:are|is|have) {_MINE} (?:\w+ )?tickets?\b|\b(?:download|resend|lost|"
        rf"re-?send me) {_MINE} tickets?\b|"
        rf"\bwhat (?:tickets )?(?:exactly )?(?:have|did|do) (?:i|we) (?:just |already |last )?(?:bought|buy|booked|"
        rf"book|"
        r"ordered|order|get|got|have)\b|\b(?:which|what) tickets (?:have|do) i\b|\b(?:i|we)(?:'ve| have) (?:already )?"
        r"(?:booked|bought) already\b|\border (?:again|status|history)\b|\b(?:have|did) i not (?:bought|buy|book)",
    ),
    (0.93, r"\b(?:receipt|invoice|store credit|credit balance|copy of the)\b|\ba bill for\b|\b(?:for|as) credit\b"),
    (
        0.95,
        r"\b(?:human|real person|actual person|a person|somebody instead|customer (?:service|support|care)|"
        r"your (?:manager|supervisor|team|staff|boss))\b|\b(?:agent|representative|operator|supervisor)\W*(?:please|"
        r"pls|now)\b|"
        r"\b(?:speak|talk) (?:to|with) (?:a|an|some|someone|somebody|your|the)\b|\bdon't want to talk\b|"
        r"\bput me through\b",
    ),
    (
        0.93,
        r"\b(?:charged|debited|billed|took the money|took my money) (?:\w+ )?(?:twice|two times|double|again|"
        r"too much)\b|"
        r"\b(?:i|we)(?:'ve| have)? paid\b|\bsince i paid\b|\bwas debited\b|\bpayment (?:go|went|gone) through\b|"
        r"\b(?:never|not|nothing|hasn't|haven't|didn't) (?:\w+ ){0,2}?(?:got|get|received?|arrived?|come)\b|"
        r"\b(?:lost|stolen)\b.*\btickets?\b|\btickets? (?:were|was|got) (?:lost|stolen)\b|\bconfirmation e?-?mail\b",
    ),
    (
        0.92,
        r"\bcomplain(?:t|ts)?\b|\bunacceptable\b|\bwrong (?:seats?|name|date|tickets?)\b|\bname on (?:my|the|our)\b|"
        r"\b(?:shows?|has) someone else\b|\b(?:scan|scanner|refused|reject\w*)\b.*\b(?:ticket|qr|code)\b|"
        r"\b(?:ticket|qr|code)\b.*\b(?:scan|scanner|refused|rejected)\b|\bnot the ones i\b|\bthe show i booked\b|"
        r"\bcancelled show\b|\b(?:can't|cannot|won't|can not) (?:make it|come|go|attend|be there|use)\b|"
        r"\bwon't be (?:there|able)\b|\bvoucher for the tickets\b",
    ),
    (
        0.92,
        r"\b(?:bar ?code|qr code)\b|\bproof of purchase\b|\bbank\b|\bmy (?:voucher|credit)\b|\bcash back\b|"
        r"\b(?:call|ring|phone) me\b|\bcall me back\b|\bget rid of (?:my|our)\b|\b(?:reverse|undo) (?:it|that|this)\b|"
        r"\b(?:was|made) a mistake\b|\bone (?:seat|ticket) too many\b|\bthe wrong (?:evening|day|night|show)\b",
    ),
    (0.91, r"\b(?:return|send) (?:them|those|these) (?:back\b)?|\brefund (?:them|me|it)\b"),
)
_FAQ: tuple[tuple[float, str], ...] = (
    (
        0.92,
        r"\b(?:park(?:ing)?|car park|leave (?:the|my|our) car|bicycles?|bikes?|bus(?:es)?|trains?|tram|metro|subway|"
        r"station|taxi|directions|address|get (?:there|to the))\b|\bhow do i get\b|\bwhere(?: exactly)? is\b|"
        r"\bwhich gate\b|"
        r"\b(?:entrance|hotel)\b",
    ),
    (
        0.92,
        r"\b(?:bags?|backpacks?|cameras?|photos?|umbrellas?|strollers?|prams?|lockers?|cloak ?room|coat|wi-?fi|dogs?|"
        r"pets|"
        r"smok(?:e|ing)|alcohol|beer|wine|drinks?|food|eat|vegetarian|vegan|snacks?|restaurants?|bars?|toilets?|"
        r"restrooms?|"
        r"baby changing|cash machines?|atm|ear ?plugs|air[- ]condition\w*|heated|heating|lost property|dress code|suit|"
        r"re-?entry|come back in)\b",
    ),
    (
        0.92,
        r"\bdoors? open|\bopen (?:its|the) doors\b|\b(?:how early|what time) should (?:i|we)\b|\bhow (?:late|"
        r"long) is\b|"
        r"\b(?:interval|intermission)\b|\bhow loud\b|\bcapacity of\b|\blate arrivals?\b|\bbring (?:an? )?(?:id|food|"
        r"my|the)\b|"
        r"\b(?:kids|children|minors|babies)\b.*\b(?:allowed|come|welcome|age)\b|\b(?:minimum|from what) age\b|"
        r"\bage (?:limit|can)\b|\b(?:is|are) (?:\w+ ){1,4}?(?:allowed|welcome|permitted)\b|\bstep-free\b|"
        r"\bwheelchair[- ]accessible\b|\baccessible\?",
    ),
    (
        0.92,
        r"\b(?:paypal|apple pay|which cards|payment methods?|(?:store|keep|save) my card|my (?:payment )?data)\b|"
        r"\byour fees\b|\bcharge for (?:booking|delivery)\b|\bprint (?:my|the|our)\b|"
        r"\b(?:pass|give) (?:my|our|the|a) tickets? (?:on|to)\b|\b(?:if|when) it (?:rains|snows)\b|\bbad weather\b|"
        r"\bwho are you\b|\bwhat can you\b",
    ),
)
_PURCHASE: tuple[tuple[float, str], ...] = (
    (
        0.93,
        r"\b(?:buy|buying|purchase|book|reserve)\b(?! (?:number|id|status))(?!ing)|\bsell me\b|\bget (?:me|"
        r"us) (?:\w+ )?"
        r"(?:tickets?|seats?|a (?:seat|ticket)|one|two|three|four|five|six|\d)|\bi'll take\b|"
        r"\bgo on with the booking\b",
    ),
    (
        0.9,
        rf"\b{_COUNT} (?:more |other |another )?(?:(?!per)\w+ )?(?:tickets?|tix|seats?|places?|adults?)\b|\b(?:another|"
        rf"one more|a third|a pair of) "
        r"(?:tickets?|seats?)\b|\b(?:a pair|ticket for one|tickets? for)\b|\btix\b",
    ),
    (
        0.88,
        r"\bwhat(?:'s| is) on\b|\b(?:find|show) me (?:something|everything|concerts|shows|an?)\b|"
        r"\b(?:concerts?|gigs?|comedy|musicals?|opera|ballet|plays|jazz)\b.*\?|\bwait(?:ing)? ?list\b|"
        r"\bsold out\b|\bstill (?:available|free)\b|\bseats? (?:still )?(?:left|available)\b|\banything (?:fun|else|"
        r"cheaper)\b|"
        r"\bare there tickets\b|\bcome free\b|\b(?:what|which|any) (?:\w+ ){0,2}?(?:shows|events|concerts|games|"
        r"plays) (?:are|is) (?:on|there)\b|"
        r"\b(?:who|when|what)\b.*\b(?:is|are|\w+'s) (?:[\w']+ )*?playing\b",
    ),
    (0.8, r"\bhow much (?:are|do|is) (?:the|a|your)? ?(?:\w+ )?(?:seats?|tickets?)\b|\bcheapest\b|\btickets?\b"),
)


Evidence = tuple[SpecialistName, float, re.Pattern[str]]


def _compiled(specialist: SpecialistName, rules: tuple[tuple[float, str], ...]) -> list[Evidence]:
    return [(specialist, weight, re.compile(phrases)) for weight, phrases in rules]


EVIDENCE: Final = (
    *_compiled("upgrade", _UPGRADE),
    *_compiled("support", _SUPPORT),
    *_compiled("faq", _FAQ),
    *_compiled("purchase", _PURCHASE),
)

# a question for the rule itself
RULES: Final = re.compile(
    r"\b(?:polic(?:y|ies)|general rules?|the rules?|deadline)\b|\bhow (?:do|does) (?:\w+ ){1,3}?works?\b|"
    r"\bhow \w+ works?\b|\bwhat does (?:\w+ ){1,5}?mean\b|\b(?:is|are) (?:it|tickets?|they) (?:refundable|"
    r"exchangeable|transferable|"
    r"returnable)\b|\bdo you (?:give|offer|make) refunds?\b|\buntil when can\b|\bhow long (?:do you|"
    r"are) (?:\w+ )?(?:hold|held|keep|kept|seats)\b|"
    r"\b(?:could|can) (?:i|we) (?:return|refund|exchange) \w+ (?:later )?if\b|\bin general\b|"
    r"\bcan (?:the )?tickets\b.*\b(?:be )?(?:refunded|returned|exchanged)\b|\bwhat happens\b.*\bif\b|\bif (?:it|"
    r"the \w+) (?:gets?|is) "
    r"(?:cancelled|called off)\b"
)
# what is the customer's own: then the rule is asked for in order to be applied
OWN: Final = re.compile(rf"\bord_\w+|\b(?:refund|cancel|exchange|swap) {_MINE}\b|\bmoney back\b")

# what is turned down asks for nothing
TURNED_DOWN: Final = re.compile(
    r"\b(?:forget|never mind|skip|no|not|without|instead of) (?:about )?(?:the|an|a|my) (?:upgrade|refund|exchange)\b"
)
ASSENT: Final = re.compile(
    r"^\W*(?:(?:great|ok(?:ay)?|perfect|good|cool|fine|alright|thanks?|then)[\s,.!]+)*"
    r"(?:yes|yeah|yep|sure|go ahead|go on|do it|take (?:them|it)|ok(?:ay)?|please do)\b",
    re.IGNORECASE,
)
