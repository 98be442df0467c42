"""Wordings that accompany agreement: acceptance, receipt, politeness and joy."""

from usher_agent.consent.assents import ADJECTIVE, COPULA, DEGREE, DOES, FOR_ME, SUBJECT, WELL, WISH
from usher_agent.consent.orders import AFTER, OBJECT
from usher_agent.consent.patterns import ENDS, any_of, words_of

ACCEPTANCE = any_of(
    "okie dokie|okay dokey|okies|okeydoke|mkay|kk|all right|very well|righty (?:oh|o)|cool beans",
    words_of("ok okay okey okie oki k kk alright alrighty works sweet"),
)
APPROVAL = any_of(
    "(?:(?:very )?good|fine)",
    f"(?:that |it )?(?:sounds?|looks?|seems?) (?:just )?about (?:right|perfect){FOR_ME}?{ENDS}",
    f"i think you (?:have|got|have got) (?:it|everything|that)(?: (?:all )?(?:right|correct))?{ENDS}",
    f"i think you (?:heard|understood)(?: (?:me|it|that))? (?:correctly|right|perfectly){ENDS}",
)
_THANKED_FOR = words_of(
    "your the all that this these those them me us it help helping time patience assistance service support "
    "finding looking "
    "into out doing taking care of so quick fast great good kind info information details checking asking "
    "sorting getting response reply service being helpful kind patient"
)
KNOWS_TERMS = (
    "(?:(?:i|we) (?:understand|know|accept|get)|understood)(?: that)? "
    "(?:it is|they are|that is|the tickets are|tickets are|these are|there are|there is) "
    "(?:all )?(?:nonrefundable|no refunds?|final)"
)
RECEIPT = any_of(
    # Of one term alone, which leaves the others open.
    "(?:that|this) one",
    f"{SUBJECT} (?:is|are) the (?:right |correct )?(?:dates?|day|time|city|show|event|game|concert|venue|"
    f"place|band|seats?)",
    "(?:i|we) do not want to miss (?:it|this|out)|(?:(?:i|we) )?would not miss (?:it|this)(?: for (?:the world|"
    "anything))?",
    "(?:that is )?(?:a steal|fair enough|very nice of you|so nice of you|fair)|sounds fair|no question|"
    "immediately|all is well",
    "thank (?:goodness|god|heavens)|phew|(?:god )?bless you|god bless|(?:that was )?(?:so |very |really "
    ")*(?:easy|quick|fast|painless)",
    "(?:thanks|thank you) for everything|< 3|: [d)p]|you are (?:so |really |very )?(?:fast|quick|good|great|"
    "kind|sweet|amazing)(?: at this)?",
    "(?:nice|good|great) one(?= [.,!;]|$)|(?:cool|nice) (?:with|by) (?:me|us)",
    "(?:that|it) (?:is|would be|will be|sounds|looks) (?:really |so |very )?(?:nice|cool|fun)|super cool|sounds fun",
    # Praise of a choice, of a price, of help given; urgency.
    rf"(?:(?:that is |it is )?(?:an?|what an?|such an?) )?{ADJECTIVE} (?:choice|pick|idea|deal|price|find|"
    rf"option|news|timing)|that is {ADJECTIVE} news",
    "(?:that|this) (?:is (?:very |so |really )?helpful|helps(?: a lot)?)|you have (?:my )?permission(?: to)?",
    rf"(?:{SUBJECT} is |they are |those are |these are )(?:an? )?(?:such )?(?:an? )?(?:really |very )?{ADJECTIVE} "
    "(?:choice|pick|idea|deal|price|find|option|value|tickets|seats)",
    "you (?:have been|are|were) (?:(?:so|very|really|super|such|an?|great|big|huge|much|of) )*(?:helpful|help|"
    "kind|quick)",
    f"(?:many )?(?:thanks|thank you|thx)(?: (?:so much|a lot|very much|kindly|again|a bunch|today))? for(?: "
    f"{_THANKED_FOR})+",
    "(?:hurry(?: up)?|quick|quickly|fast|asap|as soon as (?:possible|you can)|right away)",
    "before (?:they|it|these|those)(?: are| is| get| all)* (?:gone|sold out|sell out|sells out|run out|go)",
    "do not (?:wait|hesitate|delay)|wait no (?:more|longer)|no need to (?:wait|hesitate|(?:change|fix) anything)",
    "(?:(?:i|we) have )?(?:no|zero) (?:corrections?|complaints?|concerns?|edits?|notes|reservations)",
    "nothing (?:else )?(?:needs )?to (?:change|be changed|add|correct|fix)",
    "good (?:morning|evening|afternoon|day)|(?:(?:i|we) (?:am|are) )?back(?: now| again)?(?= [,.!])|"
    "sorry(?: (?:for (?:the|my) (?:delay|wait|late reply)|(?:i|we) (?:was|were) (?:away|busy|gone|offline)))?"
    "(?= [,.!])",
    "(?:(?:i|we) (?:have )?(?:just |now )?)?(?:thought about it|talked it over|decided|made up (?:my|our) minds?)"
    "|after (?:some|careful|a little) (?:thought|consideration)",
    "(?:sound|class|lush|top|magic|sweet as|mint|wicked)(?= [,.!])|fr|no cap|ngl|(?:good|great) stuff",
    "hi|hello|hey|that is me|nothing else(?: needed)?|that is everything(?: (?:i|we) (?:need|want))?|as you wish",
    "that is (?:so |very |really )?kind(?: of you)?|how (?:very )?(?:kind|exciting|wonderful|lovely|fun|nice|"
    "cool|great|thoughtful)",
    "(?:the )?(?:right|correct) (?:show|date|day|city|venue|place|tickets|seats|number|time)",
    "(?:at last|about time(?: too)?)|best news(?: all (?:day|week))?|good times",
    "for (?:my|our) (?:reference|records|information)|(?:i|we) (?:am|are) not (?:too |very |so )?familiar with "
    "(?:the|that) (?:area|place|venue|city|neighborhood)",
    "so (?:that )?(?:i|we) can (?:find|gps|plan for|get to|drive to|look up|locate|map) it|so (?:that )?(?:i|"
    "we) (?:can get|know how to get) there",
    # Purposes of a question: none of them leaves open whether the customer comes.
    "so (?:that )?(?:i|we) (?:can|could|will) (?:put|enter|type|save|store|mark|plug|add|note) (?:it|that|this) "
    "(?:in|into|on|to) (?:my|our|the) (?:gps|phone|calendar|planner|maps?|navigation|sat ?nav|diary|notes|car)",
    "so (?:that )?(?:i|we) can (?:plan|map out) (?:my|our|the) (?:route|trip|drive|journey|way|evening|night|day)"
    "(?: there)?|so (?:that )?(?:i|we) can (?:write|jot|note) (?:it|that|this) down",
    "so (?:that )?(?:i|we) (?:(?:can|will) (?:be|get|arrive|show up)(?: there)? (?:early|on time|in time)|(?:do|will) "
    "not (?:get lost|(?:be|arrive|get there) late))|so (?:that )?(?:i|we) (?:can )?know (?:where|when) to "
    "(?:go|be|leave|arrive)(?: there)?",
    r"\.{2,}(?= \w)",
    "that is it|that is all(?: (?:i|we) need)?|that will be all",
    "no (?:more )?questions|(?:(?:i|we) (?:am|are) )?convinced|you (?:have )?(?:convinced|sold) me|"
    "what the (?:heck|hell)|"
    "(?:the |my )?same card(?: is (?:fine|ok|okay|good))?",
    "there (?:we|you) go|now (?:we|you) are talking|that is (?:more )?(?:like it|the spirit)",
    # Speak of one term only.
    rf"(?:(?:the|that|this|those|these) )?(?:price|total|dates?|time|day|venue|city|show|event|section|row|"
    rf"seats?|tickets?|number) "
    rf"(?:{COPULA}(?: {DEGREE})* {ADJECTIVE}|{DOES}{WELL}?){FOR_ME}?",
    # Short of a verb, or short of certainty: these lean on a yes beside them.
    rf"{SUBJECT} (?:{ADJECTIVE}|(?:what|the ones?) (?:i|we) {WISH})",
    rf"(?:that )?(?:is )?(?:sounds?|looks?|seems?) (?:much |even )?better{FOR_ME}?",
    KNOWS_TERMS,
    "nonrefundable is (?:fine|ok|okay)|(?:i|we) (?:understand|know|see|get it)|got it|all good|all set",
    words_of("oh ah aw aww ooh o wow whoa omg nice cool lovely right understood noted haha lol"),
)
TAIL = any_of(
    "(?:thanks|thank you) in advance|(?:many )?thanks(?: (?:so much|a lot|very much|a bunch|a million|again))?|"
    "much appreciated|my friend|woo ?hoo",
    "if you (?:would|could)(?: please)?(?: be so kind)?(?= [,.!]|$)|if you (?:please|do not mind)",
    "much obliged|ta|my dear|(?:kind|good|dear) sir",
    "thank (?:you|u)(?: (?:so much|very much|kindly|again|for (?:all )?(?:your|the) help(?: today)?|for asking|"
    "for checking))?",
    "(?:i )?(?:really )?appreciate (?:it|that|your help)|by the way|once (?:more|again)|for (?:me|us)",
    "no (?:problems?|probs?|issues?|worries|doubt)(?: (?:here|at all|with that))?|why not|as (?:stated|described|"
    "listed|discussed|agreed|planned|requested|you (?:said|say|described|listed))",
    "(?:exactly|just) (?:as|like) (?:that|this|you (?:said|described|listed|have it)|discussed|described)|por favor",
    # "I am" completes a yes only where the sentence ends there: "I am good" turns the offer down.
    "(?:(?:i|we) (?:will|would|am|are)|it is|they are|that is)(?= [.,!]|$| please| thank)",
    # Run on into a question: "yes I would what is the address".
    "(?:(?:i|we) (?:will|would|am|are|do)|it is)(?= (?:what|where|when) (?:is|are|does|do)\\b| what time )",
    "(?:(?:i|we) )?can not wait to (?:go|see (?:it|them|this|him|her))",
    "(?:(?:i|we) )?can not wait|(?:(?:i|we) (?:am|are) )?(?:so )?looking forward(?: to (?:it|this))?",
    "(?:(?:i|we) (?:am|are) )?(?:so |very |really )*excited",
    "(?:i|we) (?:really )?(?:love|like) (?:it|that|this)|love it",
    "(?:i|we) (?:will|would) (?:like|love|enjoy) (?:it|that|this)",
    "(?:i|we) have always wanted to see (?:him|her|it|them|this)",
    "you (?:rock|are (?:the best|awesome|great|amazing|wonderful|a star|a lifesaver))",
    "(?:good|great|nice) (?:job|work)|well done",
    "(?:this|it|that) (?:will|should) be (?:so |great |good |a lot of )?fun",
    "have a (?:good|nice|great|lovely|wonderful) (?:day|one|evening|night|weekend)|at that price|for that price",
    rf"reserve {OBJECT}{AFTER}",
    # Openings of restated facts: "book" the two tickets.
    "(?:buy|book|get|purchase|order|grab|reserve)(?: (?:me|us))?|(?:i|we) (?:want|would like|confirm)",
    words_of(
        "please pls plz kindly thx ty tysm tyvm cheers appreciated sir madam usher mate man bro dude buddy dear yay "
        "boss "
        "babe baby bud homie fam legend guv luv yo um uh er erm "
        "chief pal love hon honey darling captain amigo señor queen king folks guys hooray hurray woo whoop yippee"
    ),
    words_of("super and also so now then too finally btw 🎉 🙂 😊 😀 😃 😄 😁 🙏 🎫 🎟 ❤ 🥳 💯 🤩 🔥 🥰 👏 😍"),
)
