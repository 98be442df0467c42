"""What a question is about."""

import re

from usher_inference.understanding.model import Topic
from usher_inference.understanding.passage import Passage

_ASKING = re.compile(
    r"\?|^\W*(?:(?:hi|hello|hey|ok|okay|and|also|so|thanks|great|sorry|oh|well|one more thing|"
    r"quick question)[\s,!.]+)*"
    r"(?:(?:at|in|on|from|to|until|till|by|since|for) (?:what|which|when|where|whom)|"
    r"what|when|where|who|how|why|which|is|are|can|could|do|does|did|will|would|may|should|whats|wheres|any|"
    r"hows|am)\b|"
    r"\b(?:tell me|let me know|know (?:if|whether|what|when|where|how|about)|wonder(?:ing)?|question about|"
    r"curious|info(?:rmation)? (?:on|about)|what'?s|what about|how about|explain|is there|are there)\b"
)
_POLICY_FRAME = re.compile(
    r"\b(?:polic(?:y|ies)|rules?|refundable|exchangeable|possible|allowed|able to|do you (?:\w+ )?(?:offer|"
    r"give|do|allow|accept|have)|can (?:i|you|we|they|tickets?) (?:\w+ ){0,4}?(?:if|later|after|once|"
    r"before|when|in case)|suppos(?:e|ing)|what (?:if|happens|about (?:\w+ )?(?:refunds?|"
    r"exchang\w+|cancell\w+|returns?)\b)|how (?:do|does|long|would)|in case|if (?:i|we|something|"
    r"plans|the|it))\b"
)
# From the narrow to the broad. Starred topics are questions even without a question's form.
_TOPICS: tuple[tuple[Topic, bool, str], ...] = (
    (
        Topic.PARKING,
        True,
        r"parking|\bpark\b(?! (?:event|stadium))|\b(?:leave|put|drop) (?:the|my|our) (?:car|van)\b|\bgarage\b|"
        r"\bvalet\b",
    ),
    (
        Topic.BAGS,
        True,
        r"\bbags?\b|backpacks?|purses?|clear bag|(?:allowed|bring|bringing) (?:in|inside|a camera|my camera|"
        r"cameras?|an umbrella|outside)|\bcamera\b|prohibited|\bcoat check\b",
    ),
    (
        Topic.AGE,
        True,
        r"\bage (?:limit|restriction|requirement)s?|\bhow old\b|\ball ages\b|\b(?:21|18)\s?\+|\bages?\b|"
        r"\bkids? (?:allowed|friendly|need|free)|\bchildren (?:allowed|need|free)|\bdo (?:kids|children|babies|"
        r"toddlers) need|\bunder \d+ (?:allowed|get in)|"
        r"\b(?:he|she|kid|son|daughter|child|baby|toddler|boy|girl)(?:'s| is) (?:only |just )?\d+\b(?=.*\b(?:ok(?:ay)?|"
        r"allowed|fine|too young|problem|suitable|admitted)\b)|\b(?:(?:is|are) (?:it|this|that|they)|ok(?:ay)?|"
        r"suitable|appropriate|good|fine) for "
        r"(?:\w+ )?(?:kids|children|toddlers|babies)\b|\b(?:suitable|ok(?:ay)?|appropriate|can|"
        r"allowed)\b.*\b\d+[- ]years?[- ]olds?",
    ),
    (Topic.FOOD, True, r"\bfood\b|\bdrinks?\b|\balcohol\b|\bbeer\b|\bsnacks?\b|\bvegan\b|concession"),
    (
        Topic.DOORS,
        True,
        r"\b(?:what time|when|how early) (?:should|do|can|must) (?:i|we) (?:be|get|arrive|come|show up)\b",
    ),
    (
        Topic.TRANSFER,
        True,
        r"\b(?:can|could|may) (?:i|we) (?:give(?! back)|pass|sell|transfer) (?:\w+ ){0,3}(?:tickets?|seats?|it|them)\b",
    ),
    (
        Topic.TRANSPORT,
        True,
        r"\b(?:subway|metro|bus|train|transit|uber|taxi|directions?|get there|how (?:do|can|should) (?:i|"
        r"we) get (?:to|from|in)|how far)\b",
    ),
    (
        Topic.DELIVERY,
        False,
        r"\b(?:e-?tickets?|mobile tickets?|(?:are|is) (?:the |my |our )?tickets? (?:mobile|digital|electronic|"
        r"paper)|print(?:ed)?|pdf|deliver(?:y|ed)?|email(?:ed)?|sent to me|"
        r"receive (?:the |my )?tickets|get my tickets|qr code|will call|apple wallet|how (?:do|will|can) (?:i|"
        r"we) (?:get|receive) (?:my|the|our|these|those|them)(?: tickets)?)\b",
    ),
    (
        Topic.FEES,
        False,
        r"\bfees?\b|\btax(?:es)?\b|(?:extra|hidden|additional|booking|any) charges|service charge|all[- ]in price|"
        r"hidden",
    ),
    (
        Topic.PAYMENT,
        False,
        r"\b(?:payment|pay with|pay by|credit card|debit|visa|mastercard|amex|paypal|apple pay|klarna|"
        r"instal?lments?|gift card|promo|discount code|coupon)\b",
    ),
    (
        Topic.DOORS,
        True,
        r"\bdoors?\b (?:open|time)|\b(?:when|what time) (?:do|does|can) (?:the )?(?:doors?|gates?|i (?:get|"
        r"come) in|we (?:get|come) in)|gates? open",
    ),
    (
        Topic.ACCESSIBILITY,
        False,
        r"wheel\s?chair|accessib|step[- ]free|\blifts?\b|\bada\b|disab|elevator|\bramp\b|sign language|hearing|"
        r"companion seat",
    ),
    (
        Topic.CAPABILITIES,
        False,
        r"what (?:can|do) you do\b|how (?:does this|do you) work|who are you|what are you|are you (?:a|"
        r"an) (?:bot|robot|human|person|real|ai)|can you help(?: me)?\s*\??$|how can you help",
    ),
    (
        Topic.REFUND_POLICY,
        True,
        r"\bonly if (?:it|they|that|those)(?:'s|'re| is| are) refundable|"
        r"\b(?:what|and) (?:happens )?if (?:i|we|someone) "
        r"(?:get|gets|am|are|is|fall|falls|can'?t|cannot|couldn'?t|need to cancel|change|changes)\b",
    ),
    (Topic.REFUND_POLICY, False, r"\brefund|money back|cancellation|can i cancel|return polic"),
    (Topic.EXCHANGE_POLICY, False, r"\bexchang|\bswap|resell|resale|transfer (?:the |my )?tickets?"),
    (
        Topic.POLICY,
        True,
        r"\bpolic(?:y|ies)\b|\bterms\b|\brules\b|rain (?:out|check|date|or shine)|postponed?|"
        r"(?:called|rained) off|abandoned|resched|if it rains|cancell?ed|"
        r"still (?:happening|going ahead|taking place|(?:going )?on(?=\W*(?:$|tonight|today|tomorrow|this)))",
    ),
    (
        Topic.PRICE,
        False,
        r"\bhow much\b|\bprices?\b|\bcosts?\b|\bpricing\b|\bexpensive\b|\bwhat(?:'s| is) the (?:total|"
        r"damage)\b|how many dollars|\bcheapest\b|price range",
    ),
    (
        Topic.AVAILABILITY,
        False,
        r"\b(?:available|availability|sold out|still (?:have|got)|left|remaining|in stock)\b|"
        r"\bare there (?:any |still )?(?:\w+ )?(?:seats|tickets)\b|"
        r"\bdo you have (?:any )?(?:\w+ ){0,2}(?:seats|tickets)\b|\bhow many (?:seats|tickets) (?:are|do)",
    ),
    (
        Topic.TIME,
        False,
        r"\bwhat time\b|\bhow long\b|\bstart(?:s|ing)?(?: time| at)?\b|\bwhat hour\b|\bbegin|\bwhen does (?:it|"
        r"the|this)\b|\bend(?:s)? at\b|\bend time\b|\bover by\b|\btime (?:is|does|of)\b|\bwhen (?:will|"
        r"does) .*(?:start|begin|end)|\bthe time\b|\bduration\b|\bshow ?time",
    ),
    (
        Topic.DATE,
        False,
        r"\bwhat (?:day|date)s?\b|\bwhich (?:day|date)s?\b|\bwhen(?:['’]?s| (?:is|are|do|does|will))\b|\bthe dates?\b",
    ),
    (
        Topic.PROGRAMME,
        False,
        r"\bwho(?:'s| is| are)? (?:\w+ )?(?:opening|performing|supporting|headlining|on stage|"
        r"the (?:opener|performers?|band|singers?|cast))|\bline-?up\b|\bsupport(?:ing)? act|\bopening act|"
        r"\bwhat(?:'s| is) (?:it|that|this|"
        r"the (?:show|event|play|concert)) about\b|\bwhat (?:kind|sort) of (?:show|event|music|play)\b|"
        r"\btell me (?:more )?about\b(?!.*\b(?:ticket|seat|order)s?\b)",
    ),
    (
        Topic.SEATING,
        False,
        r"\bview\b|\bsight ?line|\bsections?\b|\bseating\b|\bseat(?:ing)? (?:map|chart)|\bwhere (?:are|is|"
        r"would) (?:the |those |these |they|that|my |our |we |i )?(?:seats?|sit|be sitting)?\b(?= |$|"
        r"\?).*(?:seats?|sit|row|section|stage|field)|\bhow (?:far|close|high) (?:are|is)|\bobstructed|"
        r"\bwhich rows?\b|\bwhat rows?\b|\bwhat(?:'s| is| are)\s+(?:the\s+)?(?:row|section|seats?)\b|"
        r"\bfloor plan\b|\b(?:are|is)\b.*\btogether\b|\bare (?:those|they|these|the seats|my seats)\b",
    ),
    (
        Topic.VENUE,
        False,
        r"\bvenue\b|\baddress\b|\blocat(?:ed|ion)\b|\bwhere (?:is|are|'s|will|does|do)\b(?! (?:my|our)\b)|"
        r"\bwhere'?s\b|\b(?:which|what) (?:city|town|building|hall)\b|\bwhich (?:stadium|arena|theat)",
    ),
)
_COMPILED = tuple((topic, alone, re.compile(words)) for topic, alone, words in _TOPICS)


def is_question(passage: Passage) -> bool:
    """Whether the message has a question's form."""
    return _ASKING.search(passage.low) is not None


def read_topic(passage: Passage) -> Topic | None:
    """The narrowest topic asked about; None when nothing is asked. The refund and exchange policy count only when the
    sentence asks for the rule; "I want a refund" asks for the act."""
    asking = is_question(passage)
    for topic, alone, words in _COMPILED:
        if (asking or alone) and words.search(passage.low):
            if topic in (Topic.REFUND_POLICY, Topic.EXCHANGE_POLICY) and not _POLICY_FRAME.search(passage.low):
                continue
            return topic
    return None


def read_topics(text: str) -> tuple[Topic, ...]:
    """What each part of a message asks about, for one that asks for several things at once."""
    parts = [Passage(part) for part in re.split(r"\?|,|;|\band\b|\balso\b", text) if part.strip()]
    return tuple(dict.fromkeys(topic for part in parts if is_question(part) and (topic := read_topic(part))))
