"""Personal remarks beside a yes: joy, fondness, an occasion, such as "my daughter will love it".

A remark says who feels what about the event, in everyday words of a closed vocabulary. It has no place for a negation,
a condition, a deferral, a number of tickets, a seat, a price or a comparison, and names no place or date other than
the proposal's, so it can ask for nothing but what was proposed. It never agrees by itself.
"""

import re

from usher_agent.consent.patterns import any_of, words_of
from usher_agent.consent.people import ADJECTIVES, GROUPS, ONE_PERSON

_MASK = "¤"  # stands for each letter of a word that the proposal names
_NAME = f"(?:the )?{_MASK}+(?: (?:(?:of|the|and|at|in|on|with) )*{_MASK}+)*"

_POSSESSIVE = words_of("my our the his her their")
_PERSON = rf"(?:{words_of(' '.join(ADJECTIVES))} )*{words_of(' '.join(ONE_PERSON | GROUPS))}"
_PERSONS = rf"(?:{_POSSESSIVE} {_PERSON}(?:(?: and| ,|, and) (?:{_POSSESSIVE} )?(?:{_PERSON}|i))*|everyone|everybody)"
_EVENT = words_of(
    "shows? concerts? gigs? games? match event bands? artists? singer teams? music songs? albums? players? "
    "musicians? "
    "performers? play musicals? comedian comedy acts? group sports? football soccer baseball basketball hockey "
    "theat(?:er|re) "
    "rock jazz opera ballet venue place city performance guys? stuff tunes experience"
)
_EVENTS = rf"{_EVENT}(?: {_EVENT})?"
_THING = rf"(?:(?:this|that|these|those|the|their|his|her) {_EVENTS}|it|this|that|them|him|her|live music|{_NAME})"
_WHO = any_of(
    "i|we|they|he|she|it|this|that|these guys",
    rf"{_PERSONS}(?: both| all)?",
    rf"(?:this|that|the|their|his|her) {_EVENTS}",
    _NAME,
)
_VERY = words_of(
    "so really very super just absolutely truly totally all always both quite pretty honestly seriously beyond "
    "simply "
    "definitely certainly surely extremely incredibly such too? massive(?:ly)? genuinely finally already"
)
_FEELING = any_of(
    words_of(
        "excited thrilled happy glad delighted ecstatic elated stoked pumped psyched hyped overjoyed obsessed "
        "eager keen lucky "
        "grateful thankful jealous crazy giddy jazzed"
    ),
    "over the moon|beside (?:myself|ourselves)",
)
_PRAISE = words_of(
    "fun awesome amazing great epic incredible fantastic wonderful magical unforgettable memorable perfect "
    "good nice cool "
    "sweet lovely brilliant special exciting legendary fabulous superb spectacular fire lit huge big real true "
    "lifelong "
    "massive biggest favou?rite favou?rites best unreal phenomenal marvelous beautiful thoughtful"
)
_OCCASION = any_of(
    "(?:mother|father|valentines?|christmas) day|special occasion",
    "dream|legends?|icons?",
    "(?:date|girls|guys|family) night",
    words_of(
        "birthday anniversary gift gifts present surprise honeymoon graduation bday tradition wedding "
        "reunion celebration "
        "trip party treat valentine christmas xmas"
    ),
)
_NOUN = any_of(
    _EVENTS,
    _OCCASION,
    "(?:date |family |girls |guys )?(?:night|evening|day|time|weekend|memory|memories|dream)(?: out| come true)?",
    "one|blast|dream|surprise|fans?|way to (?:celebrate|spend (?:it|the day|our anniversary))",
)
_PAST_LONG = any_of(
    "since (?:high school|college|school|university|day one|(?:i|we) (?:was|were) (?:an? )?(?:kids?|young|"
    "little|teens?|teenagers?|child))",
    "(?:for )?(?:so |such )?(?:a )?(?:long(?: time)?|while|ages|years|months|weeks|forever)|all (?:year|month|"
    "week|day|summer|my life)",
    "for (?:two|three|four|five|ten|several|many|so many|\\d+) (?:years|months|weeks)|since (?:forever|"
    "childhood)|my whole life",
)
_LIVE = "(?: (?:live|together|perform|play|sing|in person|again|on stage|in concert|someday))*"
_TO_SEE = (
    rf"to (?:finally )?(?:see|watch|hear|experience|attend|catch|enjoy|celebrate|surprise|go(?: with "
    rf"{_PERSONS})?|be there|sing along|take)"
    rf"(?: (?:to )?(?:{_PERSONS}|{_THING}))?{_LIVE}"
)
_ABOUT = (
    rf"(?: (?:{_TO_SEE}|(?:about|for|by|with|to be seeing|to be going to|seeing) (?:this one|{_THING}|"
    rf"{_PERSONS})))?{_LIVE}"
)
_WILL = "(?:will|would|do|does|did|(?:(?:is|are|am) )?(?:going to|gonna|gunna))"
_BE = rf"(?:is|are|am|be|(?:{_WILL}|should|must|have|has)(?: {_VERY})* (?:be|been))"
_LOVE = words_of("loves? loved adores? adored enjoy enjoys enjoyed appreciates? like likes dig")
_MUCH = "(?: (?:so much|very much|a lot|a ton|to bits|to death|to pieces|ever|forever))?"
_LONGING = words_of(
    "waiting wanting dreaming hoping dying begging asking talking longing looking itching hunting searching"
)

_FREAKS = any_of(
    "(?:freak|flip|geek) out|go (?:crazy|nuts|wild|bananas)|lose (?:it|(?:his|her|their|my) minds?)|scream|cry|"
    "rocks?|rules?|slaps?",
    "be (?:so |very )*(?:surprised|amazed|blown away|proud)",
)
_REMARK = any_of(
    # "my son is going to freak out", "she will be so surprised", "they rock"
    rf"{_WHO}(?: (?:{_WILL}|{_VERY}))* {_FREAKS}(?: with joy| of joy| when .{{1,9}} (?:sees? it|finds? out))?",
    # "I think my wife will love it": who comes along is no reservation.
    rf"i (?:think|bet|know|am sure|believe)(?: that)? (?:we|they|he|she|{_PERSONS})(?: all| both)? "
    rf"(?:will|(?:is|are) (?:going to|gonna))(?: {_VERY})* {_LOVE} (?:{_THING}|(?:this|that) one){_MUCH}",
    # "I grew up listening to them", "I have never seen them live", "I have loved them since high school"
    rf"{_WHO} (?:(?:{_VERY}|never|do|does) )*(?:puts? on an? (?:{_PRAISE} )+show|disappoints?|rocks?|deserves? "
    rf"(?:it|this))",
    rf"{_WHO} (?:{_WILL} )?makes? (?:an? (?:{_PRAISE} )+{_NOUN}|(?:{_PERSONS}|him|her|them|me|us) (?:{_VERY} "
    rf")*(?:happy|smile|proud)|{_POSSESSIVE}(?: {_PERSON})? (?:day|week|year))",
    r"(?:i|we) can not believe (?:it|this|(?:that )?(?:i|we|you) found (?:it|them|these|this))",
    rf"(?:{_WHO} (?:is|are|am) )?(?:{_VERY} )*(?:glad|happy) (?:that )?(?:i|we|you) (?:finally )?found (?:it|"
    rf"them|these|this|those)",
    rf"(?:i|we|he|she|they) grew up (?:listening to|with|on|watching|hearing) {_THING}",
    rf"{_WHO} (?:has|have|have) (?:{_VERY} |never |only ever )*(?:seen|heard) {_THING}{_LIVE}(?: before| "
    rf"{_PAST_LONG})?",
    rf"{_WHO} (?:has|have|had) (?:{_VERY} )*(?:loved|adored|followed|liked|known) {_THING}(?: {_PAST_LONG})?",
    rf"{_WHO} never (?:get|got) {_TO_SEE}|{_WHO}(?: {_VERY})* wants? {_TO_SEE}|{_WHO} have seen {_THING} before",
    "(?:i|we)(?: really| both| all)* (?:need|deserve|needed|could use|deserved) (?:this|(?:an? |some "
    ")?(?:night out|fun|break|good laugh|laugh|date night))",
    "(?:(?:it is )?time (?:for us )?to|let us) (?:have (?:some |a lot of )?fun|party|celebrate|rock(?: and "
    "roll)?|dance)",
    "(?:(?:it|this|that|you)(?: just)?(?: have| has| would| will)? )?(?:made?|makes?) (?:my|our) (?:day|week|"
    "night|month|year)",
    "(?:it|this|that|you)(?: have| has)? (?:made?|makes?) (?:me|us) (?:so |very |really )*(?:happy|smile|glad)",
    rf"(?:{_WHO}) (?:is|are|has been|have been) on (?:my|our|his|her|their|the) (?:bucket )?list(?: {_PAST_LONG})?",
    rf"(?:{_WHO} (?:have |has )?)?been an? (?:{_PRAISE} )*fan(?: of {_THING})?(?: {_PAST_LONG})?",
    rf"(?:that |it )?(?:sounds?|looks?) (?:like )?(?:it (?:will|would) be )?(?:an? |so |such |very |really )*"
    rf"(?:{_PRAISE} )*(?:fun|epic|incredible|blast|hoot|treat|good time|night out|date night|{_PRAISE} "
    rf"(?:night|evening|time|day|show|concert|event)(?: out)?)",
    rf"(?!best |biggest |favou?rite)(?:{_PRAISE} )+(?:{_EVENTS}|times|memories)",
    # "I really love this band", "my daughter will love it so much"
    rf"{_WHO}(?: (?:{_WILL}|{_VERY}))* {_LOVE}(?: {_THING}| {_PERSONS}| {_TO_SEE}| seeing {_THING}| going to "
    rf"{_THING}){_LIVE}{_MUCH}",
    # "my kids are so excited to see them", "we are over the moon"
    rf"{_WHO} {_BE}(?: {_VERY})* {_FEELING}{_ABOUT}",
    rf"(?:{_VERY} )*(?:{_FEELING}|exciting){_ABOUT}(?: with {_PERSONS})?",
    # "this is going to be so much fun", "they are my favorite band", "it will be a great night"
    rf"(?:(?:{_WHO}) )?(?:{_BE}|(?:going to|gonna|will|should) be)(?: (?:{_VERY}|an?|one of|the|my|our|his|her|"
    rf"{_POSSESSIVE} {_PERSON}|"
    rf"much|lots of|a lot of|loads of))* "
    rf"(?:{_PRAISE}(?: {_PRAISE})*(?: {_NOUN})?|{_OCCASION}(?: {_OCCASION})?|dream come true|blast|hoot|fans?)"
    rf"(?: of (?:{_THING}|mine|ours|all time))?(?: (?:for|with|to) (?:me|us|{_PERSONS}))?(?: ever)?(?: "
    rf"{_TO_SEE})?{_LIVE}",
    # "I have been waiting for this all year", "we've always wanted to see them"
    rf"{_WHO} (?:(?:have|has) )?(?:{_VERY} )*been (?:{_VERY} )*(?:{_LONGING}|planning(?: {_THING})?)"
    rf"(?: (?:(?:forward )?to|about|for) (?:{_THING}|seeing {_THING})| {_TO_SEE}| {_PAST_LONG})*",
    rf"{_WHO} (?:(?:have|has) )?(?:{_VERY} )*(?:(?:wanted|waited|dreamed|hoped)(?: {_TO_SEE}| (?:for|of) "
    rf"{_THING}| {_PAST_LONG})+)",
    rf"been {_LONGING} (?:for|to see) {_THING}(?: {_PAST_LONG})?",
    # "can't wait to see them", "looking forward to the show", "dying to see them"
    rf"(?:{_WHO} )?can not wait(?: {_TO_SEE}| (?:for|until|till|til) {_THING})?",
    rf"(?:{_WHO} (?:is|are|am) )?(?:{_VERY} )*(?:(?:looking|look) forward to (?:(?:seeing |watching |attending "
    rf"|hearing )?{_THING}|it all)"
    rf"{_LIVE}|dying {_TO_SEE})",
    # "what a treat", "such a great band", "my favorite band", "best day ever", "love them"
    rf"(?:what|such) an? (?:{_PRAISE} )*{_NOUN}(?: for (?:me|us|{_PERSONS}))?|{_POSSESSIVE} (?:all time "
    rf")?favou?rites?(?: {_NOUN})?",
    rf"best {_NOUN} ever|(?:love|loving|loved|adore) {_THING}{_MUCH}|dream come true|happy {_OCCASION} to "
    rf"(?:me|us|{_PERSONS})",
    # "it's for our anniversary", "it is my son's first concert"
    rf"(?:(?:it|this|that|they|these) (?:is|are|will be) )?(?:a |an |all )?(?:{_PRAISE} )*(?:for "
    rf")?(?:{_POSSESSIVE}|an?|{_POSSESSIVE} {_PERSON})"
    rf"(?: \d\d?(?:st|nd|rd|th))? {_OCCASION}(?: {_OCCASION})?(?: for (?:me|us|{_PERSONS}))?",
    rf"(?:it|this|that) (?:is|will be) (?:{_POSSESSIVE}|{_POSSESSIVE} {_PERSON}) (?:very )?first (?:{_EVENTS}|"
    rf"time)(?: seeing {_THING})?{_LIVE}",
)

# "Yes, I'm good" may turn the offer down.
_PATTERN = (
    rf"(?!(?:i|we) (?:am|are)(?: \w+)? (?:good|perfect|nice|cool|great)\b)(?:(?:because|cause|coz|cuz|"
    rf"since) )?{_REMARK}"
)
_MATCHER = re.compile(rf"{_PATTERN}(?= |$)")
# Whatever a clause of these words says, it asks for nothing: they name no wish, no choice and no other event.
_FOND_WORD = any_of(
    _FEELING,
    _LOVE,
    "fans?|favou?rites?|birthday|anniversary|celebrating|amazing|awesome|great|incredible|fun|"
    "exciting|wonderful|fantastic|perfect timing",
)
_PLAIN_WORD = any_of(
    "i|we|they|he|she|it|this|that|them|him|her|theirs|mine|my|our|their|his|and|is|are|am|be|been|being|to be|"
    "will be|have been|has been|of|for",
    "disappoint|put on|show|heard|hear|seen (?:them|it|him|her)|before|live|together|there|here|in person|an?|"
    "about|too|how|that day|all of (?:us|them)|one of|things",
    "huge|big|biggest|massive|true|real|old|lifelong|longtime|best|the|with|everyone|everybody|hit|"
    "songs?|music|bands?|albums?|already",
    "(?:they|it|he|she) (?:was|were)|who (?:is|are|loves)|so|really|very|super|just|absolutely|always|both|all|me|us",
    f"{words_of(' '.join(ONE_PERSON | GROUPS))}",
    f"{_MASK}+",
)
_SPLIT = "(?= [.,!;]|$)"
_FOND_CLAUSE = re.compile(
    rf"(?=(?:i|we|they|he|she|it|this|that|my|our|one of|big|huge|because|everyone)\b)(?!(?:i|we) (?:am|are|"
    rf"will be)(?: \w+)? (?:great|good){_SPLIT})"
    rf"(?=[^.,!;?]*\b{_FOND_WORD}\b)(?:(?:because )?(?:{_FOND_WORD}|{_PLAIN_WORD})(?: (?:{_FOND_WORD}|"
    rf"{_PLAIN_WORD})){{1,16}}){_SPLIT}"
)
_OWN_WORDS = frozenset(re.findall("[a-z]+", _PATTERN))


def mask_names(text: str, proposal_words: frozenset[str]) -> str:
    """Return the text with the proposal's own words masked, each letter by one mark, for `match_remark`."""
    names = proposal_words - _OWN_WORDS
    return " ".join(_MASK * len(word) if word in names and word.isalpha() else word for word in text.split(" "))


def match_remark(masked: str, start: int) -> int | None:
    """Return where the personal remark at `start` of a masked text ends, or None."""
    found = [match.end() for pattern in (_MATCHER, _FOND_CLAUSE) if (match := pattern.match(masked, start))]
    return max(found, default=None)
