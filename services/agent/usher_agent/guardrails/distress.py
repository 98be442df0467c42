"""Messages that are no matter for a ticket agent's model: a life in danger, an emergency, abuse.

Answered by the agent itself, before any model; nothing is sold in that turn. Idioms of people who love shows ("I'd
kill for two tickets", "this queue is killing me") are no such thing.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Distress(StrEnum):
    """What a message tells of its writer's state."""

    CRISIS = "crisis"  # thoughts of suicide or of hurting oneself
    EMERGENCY = "emergency"  # somebody is hurt or in danger now
    THREAT = "threat"  # of violence against others
    ABUSE = "abuse"


# a first glance; a message with none of these stems is not looked at further
_STEMS = (
    *(
        "ending it",
        "living",
        "here any",
        "cruel world",
        "wake up",
        "blow up",
        "to hell",
        "useless",
        "shut up",
        "screw",
        "alive",
    ),
    *("exist", "disappear"),
    *(
        "kill",
        "suicid",
        "die",
        "dying",
        "death",
        "dead",
        "end it",
        "end my",
        "ending my",
        "hurt",
        "harm",
        "cut",
        "live",
        "life",
    ),
    *(
        "better off",
        "give up",
        "overdose",
        "pills",
        "bleed",
        "collapse",
        "heart attack",
        "breath",
        "unconscious",
        "faint",
    ),
    *(
        "fire",
        "gun",
        "shot",
        "shoot",
        "stab",
        "bomb",
        "weapon",
        "attack",
        "fight",
        "ambulance",
        "emergency",
        "police",
        "911",
    ),
    *(
        "112",
        "999",
        "choking",
        "seizure",
        "stroke",
        "crush",
        "trapped",
        "assault",
        "follow",
        "knife",
        "knives",
        "explo",
        "rape",
    ),
    *(
        "fuck",
        "shit",
        "bitch",
        "idiot",
        "stupid",
        "moron",
        "cunt",
        "asshole",
        "arsehole",
        "bastard",
        "retard",
        "whore",
        "slut",
    ),
    *(
        "dick",
        "prick",
        "wank",
        "twat",
        "scum",
        "trash",
        "worthless",
        "pathetic",
        "garbage",
        "burn",
        "beat",
        "murder",
        "jump",
    ),
    *(
        "goodbye world",
        "no reason",
        "no point",
        "wish i",
        "can't go on",
        "cant go on",
        "self-harm",
        "hang myself",
        "my own",
    ),
    *("chest", "allergic", "epipen", "hopeless", "way out", "missing", "lost", "wandered", "can't find", "cannot find"),
)
_SELF = r"(?:my ?self|me|my (?:own )?life)"
_CRISIS = re.compile(
    r"\b(?:kill|hurt|harm|cut(?:ting)?|hang|shoot|stab|drown|poison|end|ending|killing|hurting|harming|hanging|"
    r"burn(?:ing)?) "
    r"(?:my ?self|my (?:own )?life)\b|"
    r"\b(?:take|taking|took|end|ending) my (?:own )?life\b|\b(?:end|ending) it all\b|"
    r"\bsuicid(?:e|al)\b(?! (?:squad|silence|season|machine|boys?\b|tour|by|is painless|commando|kings?|tendencies))|"
    r"\bself[- ]?harm\w*|"
    r"\bi (?:really |just |only |truly |do |honestly )*(?:want|wanna|wish|need|plan|would like|'?d like|intend|"
    r"am going|'?m going|"
    r"am gonna|'?m gonna|'?m ready|am ready) (?:to |i (?:was|were|could) )?(?:just )?(?:die|dead|be dead|not "
    r"(?:be alive|wake up|exist|be here "
    r"any ?more)|disappear forever|never wake up|jump off)\b(?! for\b| of (?:laughter|laughing|excitement|joy)|"
    r" laughing| happy| hard| in (?:that|the) pit)|"
    r"\bi (?:do not|don['’]?t|no longer) (?:want to|wanna) (?:live|be alive|exist|be here any ?more|wake up)\b|"
    r"\b(?:no (?:reason|point) (?:in |to )?(?:liv\w+|go on|going on|be alive|being alive))\b|"
    r"\b(?:nothing|not (?:much|anything)) (?:left )?to live for\b|\b(?:i )?(?:can['’]?t|cannot) (?:go on|do this|"
    r"live like this|take (?:life|living)) "
    r"(?:any ?more|any longer)\b(?=.{0,60}\b(?:life|live|living|alone|die|pain|hopeless|anything|world)\b)|"
    r"\b(?:better off (?:dead|without me)|life is(?:n['’]?t| not) worth living|tired of (?:living|being alive|"
    r"life)|goodbye,? cruel world|"
    r"my last (?:night|day|message) (?:alive|on earth)|before i (?:kill|end) (?:myself|it all)|won['’]?t be "
    r"(?:around|alive|here) "
    r"(?:after|any ?more)\b(?=.{0,40}\b(?:die|dead|alive|life|live|kill)\b))|"
    r"\b(?:thinking|thoughts?|think) (?:of|about) (?:ending (?:it|my life|everything)|dying|killing myself|"
    r"suicide)\b|"
    r"\b(?:took|taken|swallowed|taking) (?:all (?:of )?(?:my|the)|too many|a (?:whole )?bottle of|a lot of) "
    r"(?:\w+ )?(?:pills|tablets|meds|sleeping)|"
    r"\boverdos(?:e|ed|ing)\b(?! (?:of|on) (?:fun|cute|nostalgia|glitter|music|popcorn|nachos|sugar|candy|"
    r"sweets|chocolate|snacks|hot ?dogs|ice cream|pretzels|joy|laughter|happiness|culture|theat(?:re|er)|jazz))|"
    r"\bi(?:['’]m| am| feel)(?: (?:so|really|completely|just|totally|utterly))* hopeless\W*$|"
    r"\bi (?:can['’]?t|cannot|don['’]?t) see (?:any|a) way out\b|"
    r"\b(?:my|a) (?:friend|son|daughter|brother|sister|wife|husband|partner|child|mother|father|mum|mom|"
    r"dad)\b.{0,30}\b(?:wants to die|"
    r"is suicidal|kill (?:himself|herself|themsel\w+))",
    re.IGNORECASE,
)
_EMERGENCY = re.compile(
    r"\b(?:call|need|send|get) (?:an |the |a )?(?:ambulance|paramedics?|police|911|999|112|fire (?:brigade|"
    r"department)|medic)\b|"
    r"\b(?:having|had|has|have) (?:a |an )?(?:heart attack|stroke|seizure|allergic reaction)\b(?! (?:from|over|when|"
    r"because|seeing|looking|"
    r"at (?:the|these|those|your|that|this) (?:\w+ )?(?:price|total|cost|fee|thought|idea)s?\b))|"
    r"\b(?:having|has|have|got|getting|with|bad|severe) (?:\w+ )?(?:chest pains?|"
    r"pains? in (?:my|his|her|their) chest)\b|"
    r"\b(?:someone|somebody|a (?:man|woman|person|kid|guy|girl|boy)|he|she|they)(?: \w+){0,4}? (?:has|have|with|pulled|"
    r"waving|got|carrying|holding) (?:a |an )?(?:gun|knife|weapon|rifle|bomb)\b(?!['’s]* n\b)|"
    r"\bmy (?:\w+ ){0,2}(?:daughter|son|kid|kids|child|children|girl|boy|toddler|grand(?:son|daughter)|niece|nephew)"
    r"(?:['’]s| is| are| has| have| got| went)* (?:lost|missing|gone missing|disappeared|wandered off)\b(?! (?:his|her|"
    r"their|the|my|out))|"
    r"\bi (?:lost|have lost|['’]ve lost|can['’]?t find|cannot find) my (?:\w+ ){0,2}(?:daughter|son|kid|child|toddler|"
    r"grand(?:son|daughter)|niece|nephew)\b(?!['’]s)|"
    r"\b(?:someone|somebody|a (?:man|woman|person|kid|child|guy|girl)|he|she|my \w+)(?: (?:here|next to me|in "
    r"(?:row|section|seat) \w+))?"
    r"(?: has| is|'s| was| just)? (?:just )?(?:collapsed|unconscious|not breathing|bleeding|choking|fainted|"
    r"stabbed|been stabbed|been shot|"
    r"dying|having a (?:seizure|stroke)|badly hurt|seriously hurt|passed out)\b|"
    r"\b(?:there is|there['’]?s|theres) (?:a )?(?:fire|gunman|shooter|shooting|bomb|explosion|man with a (?:gun|"
    r"knife)|stampede|crush)\b"
    r"(?!s? (?:show|sale|deal|pit|works?|act|offer))|"
    r"\b(?:people are|we are|we['’]re|i am|i['’]m|crowd is) (?:being )?(?:crushed|trapped|getting crushed|"
    r"attacked|being attacked|not able to breathe|bleeding)\b|"
    r"\bi can(?:['’]?t|not) breathe\b(?! (?:i['’]?m|so|from|with|for|oh|lol|haha)\b)|\b(?:i|she|he|we) (?:was|"
    r"were|am|is|been|got|have been|has been) (?:just )?(?:assaulted|raped|attacked|"
    r"stabbed|shot)\b|\bsomeone is following me\b|\b(?:the )?(?:venue|arena|theat(?:re|er)|stage|"
    r"building) is on fire\b",
    re.IGNORECASE,
)
_THREAT = re.compile(
    r"\b(?:i['’]?ll|i will|i['’]?m (?:going to|gonna)|i am going to|gonna|going to|i want to|i could) "
    r"(?:\w+ )?(?:kill|shoot|stab|murder|hurt|bomb|blow up|burn down|"
    r"beat up|attack|shoot up) (?:you|him|her|them|everyone|everybody|someone|somebody|people|your (?:staff|"
    r"people|family|manager|boss)|the (?:staff|"
    r"manager|venue|arena|place|theat(?:re|er)|crowd|building|singer|band)|all of (?:you|them)|that (?:guy|man|"
    r"woman|usher))\b|"
    r"\bi(?:['’]?m| am| will be|['’]?ll be)? (?:bring(?:ing)?|carrying|have|has|got|taking) (?:a |my |"
    r"the )?(?:gun|knife|bomb|weapon|rifle|explosives?)\b"
    r"(?!['’s]* n['’]? roses)|\bthere (?:is|will be) a bomb\b|\byou(?:['’]?re| are) (?:all )?(?:going to|gonna) "
    r"(?:die|pay with your life)\b|"
    r"\b(?:i know where you (?:live|work)|watch your back)\b",
    re.IGNORECASE,
)
_PLAYFUL = re.compile(
    r"\b(?:lol|lmao|haha+|jk|just kidding|kidding|joking|figure of speech|so (?:excited|good|funny)|laughing|"
    r"excite\w*|to get (?:in|tickets|seats)|for (?:a |some |two |\d )?"
    r"(?:ticket|seat)s?)\b",
    re.IGNORECASE,
)
_INSULT = (
    r"(?:idiot|moron|bitch|cunt|asshole|arsehole|bastard|retard(?:ed)?|whore|slut|dick(?:head)?|prick|wanker|twat|"
    r"scum|trash|"
    r"worthless|pathetic|garbage|piece of (?:shit|crap|garbage|trash)|stupid|dumb|useless|imbecile|motherfucker|"
    r"fucker|shithead)"
)
_ABUSE = re.compile(
    rf"\b(?:you|u|ur|you['’]re|youre|your|usher)(?: (?:are|is|r|absolute|total|complete|such|fucking|bloody|damn|a|"
    rf"an|the|all|just|so|really|"
    rf"stupid|dumb|useless))* {_INSULT}(?:s|es)?\b|\b(?:fuck|screw|f\*+k|fck) (?:you|off|u|yourself|your)\b|\bgo "
    rf"(?:to hell|fuck yourself|die)\b|"
    rf"\b(?:shut up|shut the fuck up|stfu|eat shit|suck my|kiss my ass|drop dead)\b|^\W*{_INSULT}\W*$|"
    rf"\b(?:i hate you|hope you die|kill yourself|kys)\b",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\b(?:ticket|seat|show|event|order|refund|upgrade|hold|concert|game|price|row|section|yes|no|cancel|buy|"
    r"book)s?\b|\d",
    re.IGNORECASE,
)

PERSON = " Shall I pass this on to a person?"


def read_distress(message: str) -> Distress | None:
    """What the message tells of; None for nearly all. Abuse counts only where nothing else is asked for."""
    low = message.lower()
    if not any(map(low.__contains__, _STEMS)):
        return None
    low = low.replace("’", "'")
    if _CRISIS.search(low):
        return Distress.CRISIS
    if _EMERGENCY.search(low) and not _PLAYFUL.search(low):
        return Distress.EMERGENCY
    if _THREAT.search(low) and not _PLAYFUL.search(low):
        return Distress.THREAT
    if _ABUSE.search(low) and not _ASKS.search(low):
        return Distress.ABUSE
    return None


def reply_to(distress: Distress, *, lines: str, emergency: str, often: int = 0) -> str:
    """The agent's own words. `lines` names who can be called, `emergency` the number; `often` counts earlier abuse."""
    return _words_for(distress, lines, emergency, often) + PERSON


def _words_for(distress: Distress, lines: str, emergency: str, often: int) -> str:
    match distress:
        case Distress.CRISIS:
            return (
                "I'm really sorry that you are going through this, and I'm glad that you said it. I'm an automated "
                "ticket agent, so I'm not the right help, but people are, at any hour: "
                f"{lines}. If you or somebody else is in danger right now, please call {emergency}. Tickets can wait: "
                "I book and charge nothing now."
            )
        case Distress.EMERGENCY:
            return (
                f"If somebody is hurt or in danger, please call {emergency} now, and tell the nearest steward or "
                "member of staff at the venue. I'm an automated ticket agent and cannot send help myself."
            )
        case Distress.THREAT:
            return (
                "I take words like that seriously and cannot go on with them. If anybody is in danger, please call "
                f"{emergency}. I book and charge nothing now. If I read you wrongly, tell me what you need."
            )
        case Distress.ABUSE if often > 0:
            return "I'd like to help, but not in this tone. When you tell me what you need with your tickets, I'm here."
        case Distress.ABUSE:
            return (
                "I'm sorry that this is frustrating. Please keep it civil: tell me what you need, and I'll do my best."
            )
