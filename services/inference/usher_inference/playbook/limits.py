"""Words by which a customer sets no limit to what something may cost."""

import re

_COST = r"(?:money|prices?|costs?|budget|expenses?|amount)"
_WITHOUT_LIMIT = re.compile(
    rf"\b(?:no|without(?: an?| any)?|(?:haven'?t|have not|don'?t have|do not have|there isn'?t|isn'?t) (?:got |"
    rf"set |fixed )?(?:an?|any|really an?)) (?:[a-z]+ )?(?:limits?|max(?:imum)?|cap|ceiling|budget)\b"
    rf"(?! (?:over|above|of|under))|"
    rf"\b{_COST}(?:'s| is| are|'re)? (?:really |just )?(?:no|not an?|isn'?t an?|not the) (?:real |big )?"
    rf"(?:object|issue|problem|concern|matter|worry|question|obstacle)\b|"
    rf"\b{_COST}(?:'s| is| are) (?:really )?(?:irrelevant|unimportant|secondary|immaterial|unlimited)\b|"
    rf"\bunlimited\b|\bsky(?:'?s| is)? (?:the )?limit\b|\bspare no expense\b|\bblank che(?:que|ck)\b|"
    rf"\bmoney to burn\b|\bopen[- ](?:ended )?budget\b|"
    rf"\b(?:whatever|no matter (?:what|how much)|as much as|however much)(?: it| they| that| you| the \w+)? "
    rf"(?:costs?|takes?|needs?|charges?|is needed|is|comes to)\b|\b(?:at )?any (?:cost|price|amount)\b|"
    rf"\b(?:doesn'?t|don'?t|do not|does not|not) (?:really )?(?:matter|care|mind|worry|fussed|bothered|worried|"
    rf"concerned)(?: about| what| how much)? (?:the |it |they )?{_COST}\b|"
    rf"\b{_COST} (?:really )?(?:doesn'?t|does not|don'?t) matter\b|"
    rf"\b(?:regardless|irrespective) of (?:the )?{_COST}\b",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"\b(?:no (?:preference|idea)|(?:doesn'?t|don'?t|do not) (?:matter|mind|care))\b|\bwhatever\b|\bbest\b|"
    r"\bany(?:thing)?\b(?! (?:cheaper|less|under|below|other))|\bhowever much\b|\bopen[- ]ended\b|"
    r"\b(?:go (?:wild|crazy|all out)|flexible|not fussed|not bothered|there (?:isn'?t|is) (?:one|none)|happy to pay|"
    r"up to you)\b",
    re.IGNORECASE,
)


def sets_no_limit(text: str, *, asked: bool) -> bool:
    """Whether money is no object; `asked`: a limit was asked for, so that "whatever" says as much."""
    said = text.replace("’", "'")
    return _WITHOUT_LIMIT.search(said) is not None or (asked and _ANSWER.search(said) is not None)
