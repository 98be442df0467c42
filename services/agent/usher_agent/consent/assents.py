"""Wordings that agree: words such as "yes", and statements such as "that is exactly right"."""

from usher_agent.consent.patterns import ENDS, any_of, words_of

# Among alternatives the first that fits counts, so the longer wordings come first.
_YES_WORD = words_of("yes yeah yep yup yea y sure absolutely definitely ok okay go correct confirmed")
YES = any_of(
    rf"(?:my|the|our|final)(?: final)? answer(?: is| [:-])? {_YES_WORD}|(?:i|we) (?:say|said|vote|am saying|"
    rf"are saying) {_YES_WORD}",
    "(?:ok|okay|alright)(?: ,)? deal",
    rf"(?:let us say|it is|that is) (?:a )?(?:yes|yeah|go){ENDS}",
    "(?:[1-9]\\d{2,} ?(?:%|percent)|(?:a )?(?:thousand|million|hundred)(?: times)?) yes|yes from (?:both|all) of us",
    "consider (?:it|this|that)(?: as)? (?:confirmed|done|approved|settled|my (?:confirmation|approval|consent|"
    "permission)|a yes)",
    "(?:no question about it|without (?:question|hesitation|a second thought))|correct(?: on all counts| ,? "
    "?all of it)",
    "(?:sounds|looks) like (?:exactly )?what (?:i|we) (?:want|wanted|need)|right on|righto|okey dokey|oki doki|"
    "fo sho|aye captain|yes siree|(?:you )?nailed it|right on the money|you read my mind",
    words_of(
        "obviously obvs positively ofc def defo deffo totes fosho bet word jackpot amen yip yips yarp "
        "yeppers smashing ace"
    ),
    words_of("gladly happily yesh yis yus fab aces grand gr8 yesir yesirree"),
    f"go{ENDS}|that (?:it is|they are|i do|we do|i will|we will)(?= [.,!]|$)",
    f"(?:crack on|fire away|10 ?- ?4|say less|lfg|ship it|full steam ahead|consider me sold|hundred percent){ENDS}",
    # Put together as in another language: "I am agree", "is good for me".
    f"(?:i|we) (?:am|are) agree(?: with (?:you|it|that|this|everything))?{ENDS}",
    "(?:ok|okay|good|happy|clear) to (?:proceed|buy|book|purchase|go|charge)(?: (?:it|them))?(?= [.,!]|$)",
    "(?:payment|purchase|booking|order|offer|terms|price|everything|all)(?: is| are)? (?:accepted|approved|confirmed|"
    "agreed|authori[sz]ed)",
    "(?:a )?hundred percent yes|(?:we have|you have(?: got)?|you got) a deal|booking confirmed|bang on|"
    "confirmed (?:from|on) (?:my|our) (?:side|end)",
    "go(?: go)+|go 4 it",
    "yes to (?:that|all|everything|both|all of (?:it|that)|a tee)",
    "(?:hell|heck|oh|(?:an? )?(?:big|huge|absolute|resounding|firm|definite)|(?:it|that) is an?(?: big| huge)?) "
    "(?:yes|yeah)(?: (?:from|for) (?:me|us))?",
    "(?:very )?sure(?: thing| do)?",
    "(?:very much|most definitely|most certainly|without (?:a|any) doubt|you know it|(?:as )?sure as (?:can be|"
    "i will ever be))(?: yes)?",
    "for sure|of course|by all means|you bet|you betcha|spot on|on point|(?:it is a |done )?deal|very much so",
    "with pleasure|go for (?:it|that|this|those|them|these)|count (?:me|us) in|certainly "
    "(?:do|would)|green light|it is a go|100 %|that is a go",
    "(?:(?:it is|they are|that is) )?(?:all )?good to go|no changes(?: needed| necessary)?",
    "(?:permission|consent|approval)(?: is)? (?:granted|given)",
    "roger that|copy that|aye aye|just so|right you are|could not be better",
    "(?:it|that|they) (?:sure|certainly|definitely|absolutely) (?:is|are|does|do)",
    words_of("yes+ yessir yesm yus yep+ yeppers yh yup+ yeah+ yea yeh ye ya yah yas+ aye y lgtm 👍 👌 🙌 ✅"),
    words_of(
        "absolutely definitely certainly surely indeed naturally affirmative roger agreed confirmed approved "
        "authorised authorized aight ight yeh yee+ sorted "
        "accepted correct"
    ),
    f"(?:confirm|confirming|approve|approving){ENDS}",
    words_of("exactly precisely totally bingo deal sold yuppers"),
    # Praise of what was proposed; "ok" and "cool" only receive it and are listed below.
    words_of("perfect great excellent wonderful fantastic awesome brilliant amazing superb splendid terrific ideal"),
    words_of("sick dope fabulous marvelous marvellous outstanding stellar beautiful"),
)

# "That is just what I want": subject, copula, degree, praise, for whom.
THING = words_of("details? info information data booking order reservation summary plan")
SUBJECT = any_of(
    "(?:that|this) one|(?:those|these) ones|(?:that|this|it|they|those|these)(?: all)?",
    f"(?:all(?: of)?|(?:all )?(?:of )?(?:the|those|these|this|that|your?|my)) {THING}(?: you (?:have|gave|"
    f"listed|provided))?",
    "(?:what|everything) you (?:said|have|listed|wrote|described)|the above",
    "all (?:of )?(?:that|this|those|it)",
    "its|details|everything|both|all",
)
COPULA = "(?:(?:is|are|would be|will be|(?:is )?sounds?|(?:seems?|looks?|appears?)(?: to be)?)(?: all| both)?)"
DEGREE = words_of(
    "just all exactly very really absolutely totally quite perfectly indeed completely entirely so simply truly 100%?"
)
WISH = any_of(
    "want(?:ed)?(?: to (?:see|buy|book|attend|do|go to))?|need(?:ed)?|like|love|prefer|wish|asked for|ordered|picked",
    "would (?:like|love|want|prefer)(?: to do)?|(?:was|am|are|were) (?:looking|hoping) for|(?:am|was) (?:after|"
    "thinking of)",
    "(?:had|have) in mind|(?:have )?(?:meant|said|requested|chosen|chose|selected|expected)",
)
ADJECTIVE = any_of(
    words_of("correct right accurate true perfect good great fine excellent awesome fantastic wonderful amazing"),
    words_of(
        "superb "
        "brilliant ideal splendid terrific acceptable agreeable exact super delightful approved ok okay alright rad"
    ),
    words_of(
        "lovely dandy peachy dope fab fabulous marvelous marvellous outstanding stellar swell beautiful satisfactory"
    ),
    words_of("magnificent phenomenal incredible tremendous flawless spectacular suitable precise confirmed legit"),
    "all right|(?:spot|dead|bang) on|(?:right )?on (?:point|target|the money)|in order|as (?:expected|"
    "requested|discussed)",
    "to my liking|just right|a ok|hunky dory|tip top",
)
COMPLEMENT = any_of(
    ADJECTIVE,
    f"(?:what|the (?:ones?|tickets?|seats?|show|event|game|concert)) (?:i|we) {WISH}",
    "the (?:right |correct )?ones?|(?:an? )?(?:correct|"
    "perfect|good|great|accurate) (?:summary|recap)|my final answer|"
    "my (?:instructions|order|choice|plans?|picks?|selections?)|good to go|the (?:order|plan)",
    "the (?:correct|right) (?:info|information|details|order|booking|tickets?)",
    "(?:like )?a (?:good |great )?(?:plan|deal|choice|go|match|yes|winner|fit)|like it will work",
    f"(?:what|the (?:ones?|tickets?|seats?|show|event|game|concert)) (?:i|we) {WISH}",
)
MINE = "my (?:wife|husband|partner|family|friends?|needs|schedule|plans)"
FOR_ME = f"(?: (?:for|by|with|to) (?:me|us|{MINE})|(?: on (?:my|our) end))"
TO_PROCEED = "(?: to proceed(?: further| with (?:the )?booking)?)"
WELL = "(?: (?:just |perfectly |very )?(?:fine|well|great|perfect|perfectly|nicely|out))"
DOES = "(?:works?|do|does it|suits?|fits?(?: the bill)?|checks? out|adds? up|hits? the spot)"
_I_CONFIRM = "(?:(?:i|we) (?:can |do |hereby )?confirm (?:that )?)?"
STATEMENT = any_of(
    rf"{_I_CONFIRM}{SUBJECT} {COPULA}(?: {DEGREE})* {COMPLEMENT}(?: exactly| perfectly| "
    rf"indeed)?{FOR_ME}?{TO_PROCEED}?",
    rf"(?:{DEGREE} )?(?:sounds?|looks?|seems?)(?: {DEGREE})* {COMPLEMENT}{FOR_ME}?",
    rf"(?:yes|ye|yeah|yep)(?: ,)? is(?: {DEGREE})* {ADJECTIVE}{FOR_ME}?",
    rf"(?:for (?:me|us) )?(?:(?:it )?is )?(?:{DEGREE} )*{ADJECTIVE}{FOR_ME}",
    rf"for (?:me|us)(?: it)? is {ADJECTIVE}",
    rf"above(?: {THING})? {COPULA}(?: {DEGREE})* {ADJECTIVE}",
    rf"{SUBJECT} (?:is |all |will |would )*{DOES}(?: (?:me|us))?{WELL}?{FOR_ME}?",
    rf"(?:works|suits|fits|will do|will work)(?: (?:me|us))?{WELL}?{FOR_ME}?",
    rf"{SUBJECT} {COPULA}(?: {DEGREE})+ (?:it|them)|(?:that|it) was (?:the|my) (?:order|plan|choice)|that "
    rf"should do it",
    "(?:that )?sounds(?: really| very)? nice|that (?:would|will) be (?:really |very )?nice",
    f"(?:all |details |everything )?confirmed{TO_PROCEED}|this is it|it (?:all )?matches|all correct|(?:exactly|"
    f"just) what (?:i|we) {WISH}",
    "(?:totally|absolutely|simply|completely) (?:rad|great|perfect|good|fine|ideal|awesome)",
    rf"(?:that|this|it|they|those|these) (?:all )?{ADJECTIVE}{FOR_ME}",
    "(?:that|this|it) (?:would be it|is just the (?:ticket|thing))(?= [.!]|$)",
    "just the (?:ticket|thing)|(?:that|this|it) (?:takes care of|covers) (?:it|everything|that)",
    "you are (?:absolutely |exactly |totally |quite )?(?:right|correct)|you nailed it",
    "(?:looks like )?you (?:have|got) it (?:right|correct)|you (?:understood|understand|heard)(?: me)? "
    "(?:correctly|right|perfectly)",
    "you (?:have|got) (?:all (?:of (?:it|that|this)|the details|that|this)|it all|everything|all) (?:right|correct)",
    "you (?:finally |have )?(?:got|have|understood) (?:it|that|this|everything|me)(?: all)?(?: right| "
    "correctly| correct)?",
    "(?:absolutely|exactly|quite) right|exactly (?:that|it)|precisely that",
)
# "That's ok" and "it's fine" also turn an offer down, unless they say for whom.
MILD = "(?:that|it)(?: is|s) (?:ok|okay|alright|all right)|it is fine"
