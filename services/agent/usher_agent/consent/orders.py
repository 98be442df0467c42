"""Wordings that tell to go ahead: "buy them", "we will take both", "I agree to that"."""

from usher_agent.consent.patterns import ENDS, any_of, words_of

OBJECT = any_of(
    "it all|(?:those|these) ones|both (?:tickets?|seats?)|all (?:that|this)|(?:both|all) of (?:them|it|those|"
    "these|that)",
    "(?:both |all )?(?:of )?(?:the|those|these|that|this|my|our) (?:tickets?|seats?|order|booking|purchase|"
    "transaction"
    "|reservation|payment|process|deal|charge|sale|option|ones)",
    "it|them|those|these|that|this|everything|the same|both|all",
)
AFTER = "(?: (?:for (?:me|us)|in|up|now|then|too|already|right away|right now|asap|straight away|as well))*"
WITH = (
    "(?: (?:with|on|to) "
    "(?:(?:the |that |this )?(?:purchase|booking|order|payment|transaction|process)|(?:the |those |these "
    ")(?:tickets|seats)|it|that|this|them))"
)
_CARD = (
    "(?:my|the|our) (?:same |saved |usual |default )?card(?: (?:(?:that )?(?:i|we|you) have )?"
    "(?:on file|saved|on record|already have))?"
)
_BOUGHT = words_of("bought booked purchased ordered got reserved")
_TICKETS = "tickets? seats? pair one two three four five six seven eight nine ten \\d+"
BUY = words_of(
    "buy book purchase order get grab take finali[sz]e complete place secure process snag score nab finish accept"
)
DO = any_of(
    rf"go (?:and )?{BUY} {OBJECT}{AFTER}",
    rf"{BUY}(?: (?:me|us))? {OBJECT}{AFTER}",
    "confirm (?:the|my|our|this) (?:order|booking|purchase|transaction|reservation|payment|tickets?)",
    f"confirm (?:it|that|this|them|those|the same|all|everything)(?: for (?:me|us))?{ENDS}|check out{ENDS}",
    "sign (?:me|us) up|book (?:me|us) in|(?:close|seal) the deal|submit (?:it|the order)|issue (?:them|the tickets)",
    "make (?:it so|it happen|the (?:booking|reservation|purchase|payment))(?: for (?:me|us))?",
    "lock (?:it|them|those|that) in|lock in (?:it|them|those|that)|wrap (?:it|this) up|set it up(?: now)?",
    rf"(?:get|have) {OBJECT} (?:booked|bought|ordered|purchased|done|sorted|confirmed){AFTER}",
    rf"go through with {OBJECT}|pay (?:now|for {OBJECT}{AFTER}|with (?:my|the) card(?: on file)?)",
    r"(?:have|get) (?:it|them|this|that) done",
    "do (?:it|that|this|so)(?: for (?:me|us))?|go with (?:it|that|this|those|them|these)",
    f"(?:charge|use|bill) (?:it to )?(?:my|the|our) (?:card|account)(?: on file)?{AFTER}|charge (?:me|it)",
    "put (?:it|them|that) on (?:my|the) card|give (?:it|them|those) to (?:me|us)",
)
PROCEED = f"(?:(?:proceed(?: further)?|go (?:right )?ahead|continue){WITH}?|(?:go on|carry on){WITH})"
ORDER = any_of(
    "(?:i|we) (?:accept|agree to|agree with) (?:the|your|this|that|these|those) (?:price|total|amount|terms|"
    "conditions|policy)",
    rf"(?:just |kindly |please |do )*{PROCEED}(?:(?: and| to)? (?:{DO}|buy|book|purchase|do so|"
    rf"confirm{ENDS}))?{AFTER}",
    rf"(?:just |kindly |please |now |then |do )*{DO}",
    f"(?:(?:buy|book|purchase|order|finali[sz]e)(?: now)? ?)+(?: please)?{ENDS}",
    rf"let us (?:confirm{ENDS}|{DO}|{PROCEED}|go|go for it|buy|book)",
    f"please (?:do|buy|book|order|purchase|confirm{ENDS})|(?:buy|book) away|(?:shut up and )?take my money|go "
    f"on(?: then)?{ENDS}",
    rf"(?:i|we) (?:will|shall)(?: gladly| happily| definitely)? (?:take|have|buy|get|grab|book|go with) {OBJECT}",
    rf"(?:i|we) (?:take|buy|book) {OBJECT}{ENDS}|do (?:book|buy|purchase|proceed)(?: {OBJECT})?{AFTER}{ENDS}",
    rf"(?:want|need) {OBJECT}{ENDS}|(?:gimme|give (?:me|us)) {OBJECT}{ENDS}|let us do (?:those|these|them|both){ENDS}",
    f"confirm and pay|pay and confirm|go (?:and )?pay{ENDS}|confirm (?:booking|purchase|order|payment){ENDS}",
    rf"(?:use|charge|with) {_CARD}",
    rf"(?:i|we) (?:would (?:like|love)|want|wish)(?: you)? to (?:{DO}|{PROCEED}|have {OBJECT})",
    rf"(?:i|we) (?:do |definitely |absolutely |really )*(?:want|need|confirm|accept|approve|affirm|"
    rf"authori[sz]e) {OBJECT}",
    f"(?:i|we) would (?:like|love) (?:that|to)(?: very much| a lot)?|(?:i|we) would be (?:delighted|happy to|"
    f"glad to){ENDS}",
    rf"(?:i|we) would be (?:happy|glad|delighted) to (?:{DO}|have {OBJECT})|(?:i|we) will go (?:for it|"
    rf"ahead)(?: and {DO})?",
    f"(?:(?:i|we) (?:want|like|will|would like to|am ready to|want to) |please you |please to |you |ok |okay )"
    f"(?:buy|purchase|book)(?: (?:both|them|it|this|these|that|this tickets?|both tickets))?(?: for (?:me|us))?{ENDS}",
    f"process (?:it|them|this|(?:the|my) (?:payment|order|purchase|booking|transaction)){AFTER}{ENDS}",
    "(?:i|we) (?:am|are) going for it|(?:i|we) accept (?:the|your|this) offer",
    "(?:i|we) (?:am|are) (?:going with yes|confirming)",
    rf"(?:definitely|absolutely|really) want {OBJECT}|(?:i|we) would (?:like|love) {OBJECT}",
    rf"agree{ENDS}|agreeable|(?:i|we) agree (?:with|to) (?:everything|all of (?:it|that))|(?:i|we) (?:agree|"
    rf"consent) to {OBJECT}|you (?:can|may)(?: (?:buy|purchase|book))?{ENDS}",
    # What follows has to be verified facts: "I'll take" the two for $240.
    "(?:i|we) will (?:take|buy|get)(?= (?:the |both |all )?[\\w$])",
    "(?:(?:i|we) (?:want|need|would like)|(?:buy|book|get|purchase|order|grab)(?: (?:me|us))?)"
    f"(?= (?:(?:the|both|all|those|these) )*{words_of(_TICKETS)}(?: |$))",
    rf"(?:i|we) authori[sz]e you to {DO}",
    rf"you (?:can|may|are (?:all set|clear|free|welcome|authori[sz]ed) to) (?:{DO}|{PROCEED}(?: and {DO})?)",
)
PERSON = any_of(
    f"(?:i|we) (?:certainly |sure |definitely )?do{ENDS}|(?:i|we) (?:am|are) (?:all )?in{ENDS}",
    f"(?:i|we) (?:am|are) (?:up|down|game)(?: for (?:it|that|this))?{ENDS}",
    "ready when you are|ready to (?:go|buy|book|proceed)",
    "(?:i|we) (?:hereby |do |can |will |fully |totally )*(?:agree|accept|confirm|approve|consent|affirm)"
    "(?: (?:that all|all of that|that option|that|to that|it|all|this|with that))?",
    "(?:i|we) confirm (?:the|these|those|all) details",
    "(?:i|we) (?:am|are) (?:ready(?: to (?:go|buy|book|proceed|confirm|(?:purchase|buy|book) (?:it|them|these|"
    "those)))?|in agreement|"
    "(?:(?:100 ?%|very|quite|absolutely|totally|completely|definitely|perfectly) )?(?:sure|certain|positive)|"
    "(?:good|all set) to go)",
    f"positive{ENDS}",
    "(?:i|we) (?:am|are) (?:good|fine|happy|ok|okay|totally fine|perfectly fine|perfectly happy|very happy|on "
    "board|satisfied|pleased|comfortable) "
    "with (?:(?:all )?(?:the|those|these|your) (?:details|tickets|seats|plan|booking)|that|it|this|those|them)",
    rf"(?:i|we) (?:am|are) happy for you to (?:{DO}|{PROCEED})|(?:i|we) give (?:you )?my (?:consent|approval|"
    rf"permission)",
    rf"(?:(?:i|we) (?:am|are) )?happy to (?:{DO}|{PROCEED}|buy|book|confirm)|it gets my vote|be my guest",
    "(?:(?:i|we) have )?no objections?(?: here| at all)?",
    rf"you have (?:my )?(?:permission|consent|approval|ok|okay|go ahead|blessing)(?: to (?:{DO}|{PROCEED}))?",
)
POLITE_ORDER = any_of(
    "what are you waiting for",
    rf"(?:can|could|would|will) you (?:please |just |kindly )*(?:{DO}|{PROCEED}(?: and {DO})?)",
    rf"(?:i|we) would (?:be (?:so |very )?(?:grateful|glad|happy)|appreciate it) if you "
    rf"(?:(?:could|would) {DO}|{_BOUGHT} {OBJECT})",
    rf"(?:can|could|may) (?:i|we) (?:please )?(?:get|have|take|book|buy) {OBJECT}",
)
