"""What the customer wants: weighed evidence, phrase by phrase; the strongest wins."""

import re

from usher_inference.understanding.model import Intent
from usher_inference.understanding.passage import Passage

_MINE = r"(?:my|our|the|these|those|this|that|both)"
_BOUGHT = r"(?:order|orders|purchase|booking|bookings|reservation|tickets?|seats?)"

# (weight, intent, phrases). A weight above 0.9 names the act outright; about 0.7 it is likely; below 0.5 a hint.
_EVIDENCE: tuple[tuple[float, Intent, str], ...] = (
    (
        0.97,
        Intent.HUMAN,
        r"(?:talk|speak|chat|connect|transfer|put|get)\s+(?:me\s+)?(?:to|with|through to|me)?\s*(?:to\s+|"
        r"with\s+)?(?:an?\s+|the\s+|your\s+|some\s?)?(?:actual\s+|real\s+|live\s+|human\s+|"
        r"customer\s+)?(?:human|person|agent|representative|rep|someone|somebody|manager|supervisor|operator|"
        r"one real|service|support)\b|"
        r"\b(?:need|want|give me|i'?d like)\s+(?:to see\s+)?(?:an?|the|your)\s+(?:\w+ )?(?:manager|supervisor|human|"
        r"agent|"
        r"representative|real person|person)\b",
    ),
    (
        0.97,
        Intent.HUMAN,
        r"\b(?:real person|actual person|human being|live agent|human agent|customer (?:service|support|care)|"
        r"speak to a human|(?:real|actual) human|a human\b|\b(?:an?|real|actual) (?:person|somebody|"
        r"someone)\s*(?:please|pls|now)\b|\bcan i (?:have|get) a person\b|(?:human|agent|representative|operator|"
        r"supervisor)\s*(?:please|pls|now|!|$)|call me\b|complaint|complain(?:ing)?(?: about)?\b)|"
        r"(?<!for )\ba person\s*(?:please|pls|now|!|\W*$)|^\W*(?:person|somebody|someone)\W*(?:please|pls)?\W*$",
    ),
    (
        0.95,
        Intent.RELEASE,
        r"\b(?:release|let go(?: of)?|drop|give up|free up|unhold|cancel|undo|"
        r"remove)\s+(?:\w+\s+){0,3}?(?:hold|held|reserved seats|cart)\b|\b(?:release|let go(?: of)?|"
        r"let)\s+(?:them|it|those|these|the seats|my seats|the tickets|those seats|these seats)\b|"
        r"\bdon'?t (?:want|need) (?:them|these|those|the (?:seats|tickets)|it) (?:any\s?more|after all)|"
        r"\b(?:changed my mind|empty my cart|clear my cart)\b",
    ),
    (
        0.94,
        Intent.REFUND,
        r"\brefund(?:ed|s|ing)?\b|\b(?:give|hand|send) back (?:\w+ ){0,3}?tickets?\b|\bmoney back\b|\bget (?:my|"
        r"our) (?:money|cash)\b|\breturn (?:my|the|our|\d{1,2}|"
        r"one|two|some|"
        r"these|those|this) (?:\w+ )?(?:tickets?|order|purchase)|\b(?:cancel|cancell?ing|cancellation (?:for|"
        r"of))\s+(?:\w+\s+)?(?:my|our|the|an?|this|that|order)?\s*(?:\w+\s+){0,2}?(?:orders?|bookings?|"
        r"purchases?|reservations?|tickets?)\b|\bsend back\b.*\btickets?\b|\bcan'?t (?:make it|go|attend|"
        r"come)\b",
    ),
    (
        0.93,
        Intent.EXCHANGE,
        r"\bexchang(?:e|ed|ing|es)\b|\b(?:swap|trade|switch|move|reschedule|transfer|rebook)\s+(?:my|our|"
        rf"these|those|this|the)\s+(?:\w+\s+)?{_BOUGHT}|\b(?:change|move)\s+(?:my|"
        rf"our)\s+(?:\w+\s+)?{_BOUGHT}\s+(?:to|for|from)|\b(?:swap|trade) (?:them|it|these) (?:for|with|in)\b",
    ),
    (
        0.95,
        Intent.UPGRADE,
        r"\bupgrad(?:e|es|ed|ing)\b|\b(?:move|bump|get)\s+(?:me|us)\s+(?:up|down|closer|to (?:better|closer|"
        r"a better))|\b(?:can|could|may) (?:i|we) move\b|\bmov(?:e|ing) (?:me|us)\b(?! (?:on|along))|"
        r"\b(?:my|our) (?:current )?(?:seats?|tickets?)\b.{0,60}\b(?:better|nicer|closer) (?:ones?|seats?|spots?|view)|"
        r"\b(?:i|we)(?:'ve| have)?(?: already)? (?:have|got|bought|hold|own) (?:\w+ )?(?:tickets?|seats?)\b.{0,60}"
        r"\b(?:better|nicer|closer) (?:ones?|seats?|spots?|view)|"
        r"\bchange seats\b|\bbetter (?:seats?|tickets?|"
        r"spots?) (?:for|on|"
        rf"than) (?:my|our|mine|ours|the ones|what i have)|\b(?:improve|better)\s+(?:my|our)\s+{_BOUGHT}",
    ),
    (
        0.94,
        Intent.ORDERS,
        r"\b(?:my|our)\s+(?:\w+\s+)?(?:orders?|order history|bookings|purchases|purchase history)\b(?!\s+(?:to|"
        r"for another))|\b(?:what|which) (?:tickets |orders |bookings |seats )?"
        r"(?:have|did|do) i (?:have|bought|buy|booked|book|order(?:ed)?|"
        r"purchased?|get)\b|\bwhat'?ve i (?:bought|booked|ordered)|\b(?:show|see|view|list|find|check|look up|"
        r"pull up|where(?:'s| is| are))\s+(?:me\s+)?(?:all\s+)?(?:my|our)\s+(?:\w+\s+)?(?:tickets?|seats?|"
        r"bookings?|reservations?|purchases?)\b|"
        r"\b(?:what|which) (?:seats?|tickets?|row|section) (?:did|have) (?:i|we) (?:book|buy|get|order|bought|got)|"
        r"\bremind me (?:where|which|what)\b.{0,20}\b(?:sit|sitting|seats?|row|section|booked|bought)\b|"
        r"\bhow much did (?:i|we|my|our|the|those)\b.{0,40}\b(?:tickets?|seats?|pay|spend)\b|"
        r"\b(?:which|what) (?:row|section|seats?) (?:are|am) (?:we|i) in (?:for|at)\b|"
        r"\border (?:status|history|number)\b|\bstatus of\b.*\border|"
        r"\btickets i (?:bought|purchased|ordered|already have)|\bdo i (?:already )?have (?:any )?(?:tickets?|"
        r"orders?|bookings?)|\bhave i (?:already )?(?:got|bought|booked) (?:any )?tickets?|\bdid (?:my|"
        r"the) (?:order|payment|purchase) go through|"
        r"\b(?:resend|re-send|send again|email|forward|lost|(?:did ?n'?t|not|never|have ?n'?t) (?:get|got|receive|"
        r"received|see)) "
        r"(?:me )?(?:my|our|the|them)\b(?: tickets?)?",
    ),
    (
        0.93,
        Intent.HOLD,
        r"\b(?:hold|holding)\b(?!\s+(?:on|up|your horses)\b)(?!\s*$)|\bput\s+(?:\w+\s+){0,4}?on hold\b|"
        r"\bset (?:\w+ ){0,3}aside\b|\b(?:keep|save|lock in|lock)\s+(?:those|these|them|that|the|"
        r"this)\s*(?:\w+\s+)?(?:seats?|tickets?|ones?|pair|for me|for us|for now)?\b|\b(?:hold|keep) (?:it|"
        r"them) for (?:me|us)|\bhold (?:those|them|these|it)\b|\breserve (?:those|them|these) (?:for now|while)",
    ),
)
_TALK: tuple[tuple[float, Intent, str], ...] = (
    (
        0.66,
        Intent.BYE,
        r"^\W*(?:(?:ok(?:ay)?|great|thanks?|cool|alright|no)[\s,.!]+)*(?:good)?(?:bye+|see (?:you|ya|u)|cya)\b",
    ),
    (
        0.6,
        Intent.BYE,
        r"^\W*(?:(?:ok(?:ay)?|thanks?|thank you|no|great|alright)[\s,.!]+)*(?:(?:good)?\s?bye(?:\s?bye)?|"
        r"see (?:you|ya|u)|laters|cya|good ?night|farewell|take care|have a (?:good|great|nice|lovely|"
        r"wonderful) (?:day|"
        r"night|one|evening|time|weekend)|talk (?:to you )?later|ttyl|that'?s (?:all|it)(?: for (?:now|"
        r"today))?|i'?m (?:all set|done|good)|that (?:is|will be|would be) all|nothing else|nothing more)\b",
    ),
    (
        0.55,
        Intent.THANKS,
        r"\b(?:thanks?|thank you|thx|ty|thank u|cheers|much appreciated|appreciate (?:it|that|your)|tysm)\b",
    ),
    (
        0.4,
        Intent.GREET,
        r"^\W*(?:hi+|hello+|hey+a?|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day)|(?:morning|evening|"
        r"afternoon)(?= all| there| everyone| folks|\W*$)|sup|what'?s up|"
        r"hola)\b",
    ),
)
_YES = (
    r"(?:yes+|ye+ah?|yea|yep|yup|ya|y|sure(?: thing)?|ok(?:ay)?|k|of course|absolutely|definitely|oke?y[- ]doke?y|"
    r"oki?e[- ]doki?e|lovely|brilliant|smashing|excellent|wonderful|fantastic|amazing|righto|defo|ofc|totally|"
    r"certainly|correct|right|that'?s (?:right|correct|it|fine|perfect|great|good)|exactly|perfect|"
    r"sounds? (?:good|great|perfect|fine|lovely)|"
    r"(?:that|this|it|they|those) (?:works?|sounds? (?:good|great)|(?:is|are|looks?|would be) (?:good|"
    r"great|fine|perfect|right|correct))|please do|go ahead|go for it|do it|let'?s do (?:it|that)|"
    r"works for me|i agree|agreed|confirm(?:ed)?|i confirm|approve(?:d)?|great|cool|awesome|fine|"
    r"affirmative|👍|👌|✅|by all means|i do(?!\s+not)|please\W*$|yes please|book it|book them|sold|deal|alright|"
    r"all right|why not|for sure|hell yes|make it so)"
)
_NO = (
    r"(?:no+(?!\s+(?:more than|later|earlier|less|fewer|preference|problem|worries|rush|matter|need|idea|"
    r"specific|particular|idea|date|budget))|nope|nah|na|not (?:really|now|yet|today|quite|interested|that|"
    r"those|these|this)|no thanks?|no thank you|negative|👎|❌|don'?t|do not|never ?mind|nvm|forget (?:it|that|"
    r"about it)|wrong|incorrect|that'?s (?:wrong|not (?:right|it|what|correct))|"
    r"cancel(?: (?:it|that|this|everything|all))?|stop|wait|hold (?:on|up)|i'?d rather not|"
    r"i don'?t (?:think so|want)|no way|not (?:what|a)|scratch that|uh[- ]uh|absolutely not|never|skip|"
    r"pass|i'?ll pass|maybe later|not a chance|i(?:'d like| want| need)? to cancel|(?:can|could) (?:you|we|"
    r"i) cancel (?:it|that|this|everything|the whole thing)|cancel the whole thing|start (?:over|again)|"
    r"second thoughts?|on second thought)"
)
_FEW = "one|two|three|four|five|six|seven|eight|nine|ten|a couple|a pair"
_BUYING: tuple[tuple[float, str], ...] = (
    (
        0.88,
        r"\b(?:buy|buying|purchase|purchasing|check\s?out(?!\s+(?:events?|shows?|concerts?|games?|things?|some|any|"
        r"the|a|an|what|other|more|if|"
        r"this|these)\b)|make (?:a |an |the |me a )?reservations?|reservations?|pay for|paying for)\b",
    ),
    (0.86, r"\b(?:book|reserve|order)\b(?!\s+(?:number|id|history|status|ord_))"),
    (
        0.85,
        r"\b(?:i'?ll|we'?ll|i will|i'?d like to|let me|let'?s|can i|i want to|i can)\s+(?:take(?! (?:them|him|her|"
        r"it) (?:to|out|along|with))|grab|get|"
        r"have)\s+(?:¦|the|those|these|them(?!\s+(?:out|to|there))|it|that|one|two|three|four|\d|a pair|"
        r"both)",
    ),
    (0.91, r"\b(?:ticket|tickets|tix|tickts)\b"),
    (
        0.88,
        r"\b(?:i|we)(?: do| really)? (?:want|need) (?:them|those|these|both)\b(?! (?:to|back|refunded|cancel\w*|"
        r"changed))",
    ),
    (0.86, r"\btake (?:them|those|these|both)\b(?! (?:back|to|off|out|away|along|with))"),
    (0.88, r"\b(?:gimme|give me|give us|get me|get us) (?:those|these|them|both|the (?:two|first|second|last))\b"),
    (
        0.86,
        rf"\b(?:want|need|like|wanna get|get me|have) (?:just )?(?:\d{{1,2}}|{_FEW}) (?:for|to see|to) (?!(?:go|"
        rf"see)\b)",
    ),
    (0.86, rf"^\W*(?:\d{{1,2}}|{_FEW}) (?:please|pls) (?:for|to)\b"),
    (
        0.8,
        r"\b(?:get|grab|give|need|want)\s+(?:me\s+|us\s+)?(?:¦+|\d+|one|two|three|four|five|six|"
        r"a couple(?: of)?|a pair(?: of)?|some)\s+(?:\w+\s+){0,2}?seats?\b|\bseats? for\s+(?:¦|\d|two|"
        r"three|four|five|six|me)",
    ),
)
_FINDING: tuple[tuple[float, str], ...] = (
    (
        0.9,
        r"\b(?:what'?s|what is|whats|anything|something|who'?s|who is|whos|what|stuff)\s+(?:\w+\s+)?(?:on|"
        r"happening|going on|playing|performing|coming up|to do|around|in town|available|fun)\b",
    ),
    (
        0.88,
        r"\b(?:something|anything|things?|stuff|what|what'?s there)\s+(?:\w+\s+){0,3}?to (?:do|see|watch|"
        r"attend|go to)\b",
    ),
    (
        0.86,
        r"\b(?:find|search|browse|discover|explore|show|list|tell|check|suggest|recommend|"
        r"see(?! you))\s+(?:\w+\s+){0,4}?(?:events?|shows?|concerts?|games?|match(?:es)?|gigs?|something|anything|"
        r"things|what'?s|performances?|activities|fun|plays|musicals?|festivals?)\b",
    ),
    (
        0.84,
        r"\b(?:are there|is there|do you have|got|have you got|you got|any)\s+(?:any\s+|"
        r"some\s+)?(?:\w+\s+){0,3}?(?:events?|shows?|concerts?|games?|match(?:es)?|gigs?|performances?|"
        r"activities|plays|musicals?|festivals?|comedy|music|sports)\b",
    ),
    (
        0.75,
        r"\b(?:looking|look|searching|search|hunt(?:ing)?)\s+(?:\w+\s+)?(?:for|into|at|around|up)\b|"
        r"\bfind\b|\bsearch\b|\bbrowse\b",
    ),
    (0.7, r"\b(?:events?|things? to do|shows?|concerts?|gigs?|games?|activities|performances?|festivals?)\b"),
    (
        0.66,
        r"\b(?:go|going) (?:out|to (?:a|an|some|the|see))\b|\bbored\b|\b(?:go|do) something\b|"
        r"(?<!other )(?<!made )(?<!have )(?<!got )\bplans?\b|"
        r"\bsee\b(?! (?:you|ya|u)\b)|\bwatch\b|\bhave fun\b|\bfeel like\b|\bideas?\b|\bsomething (?:romantic|"
        r"special|nice|fun|cheap|"
        r"chill) (?:for|on|to)\b|"
        r"\bin the mood\b|\bactivit(?:y|ies)\b|\b(?:something|"
        r"anything) (?:\w+ )?(?:fun|interesting|nice|cool|exciting|new|good|different|out of)\b|"
        r"\brecommend|\bentertain(?:ment|ing|ed)?\b",
    ),
)


_ACTS = tuple((weight, intent, re.compile(phrases)) for weight, intent, phrases in _EVIDENCE + _TALK)
_BUY = tuple((weight, re.compile(phrases)) for weight, phrases in _BUYING)
_FIND = tuple((weight, re.compile(phrases)) for weight, phrases in _FINDING)
_LEAD = (
    r"^\W*(?:(?:(?:she|he|they|(?:my|the) \w+) (?:says?|said)|oh|um+|uh|hmm+|well|so|ah|actually|sorry|oops|thanks|"
    r"thank you|hey|hi|hello)[\s,.!]+)*"
)
_STARTS_YES = re.compile(rf"{_LEAD}{_YES}(?![\w'])")
_STARTS_NO = re.compile(rf"{_LEAD}{_NO}(?![\w'])")
_ENDS_NO = re.compile(
    r"\b(?:no thanks?|no thank you|nope|never ?mind|forget it|don'?t (?:bother|do (?:it|that)|buy|book|"
    r"charge|want (?:it|them|that|those|to)))\W*$"
)
# "I don't want to buy now" speaks of buying but asks for the opposite.
_TURNED_DOWN = re.compile(
    r"\b(?:don'?t|do not|won'?t|not|never|rather not|no need to|needn'?t)\s+(?:(?:want|need|wish|like|plan|"
    r"going|ready|looking|sure|yet|quite|really|you|to)\s+)*"
    r"(?:buy|purchase|book|reserve|order|hold|pay|upgrade|cancel|refund|exchange|release|"
    r"charge)\w*(?:\s+(?:the|any|a|my|those|these|them|it|that|this))?(?:\s+(?:tickets?|seats?|order))?"
)


def _blot(match: re.Match[str]) -> str:
    return "," * len(match.group())


def weigh_intents(passage: Passage) -> dict[Intent, float]:
    """The weight of each intent for which the message holds evidence, 0..1; reads the words themselves, claims none."""
    text = _TURNED_DOWN.sub(_blot, passage.low)
    weights: dict[Intent, float] = {}
    for weight, intent, pattern in _ACTS:
        if pattern.search(text):
            weights[intent] = max(weights.get(intent, 0.0), weight)
    for intent, rules in ((Intent.BUY, _BUY), (Intent.FIND, _FIND)):
        for weight, pattern in rules:
            if pattern.search(passage.open if weight == 0.8 else text):
                weights[intent] = max(weights.get(intent, 0.0), weight)
    if text != passage.low:
        weights[Intent.DENY] = 0.7
    elif _STARTS_NO.search(text) or _ENDS_NO.search(text):
        weights[Intent.DENY] = 0.65
    elif _STARTS_YES.search(text):
        weights[Intent.AFFIRM] = 0.65
    return weights
