"""Promises in a reply: that something was done, that money is saved, that something is sure or will happen.

Each needs a tool's answer of this conversation that says so. What is denied, asked or made to depend is no promise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from usher_agent.guardrails.grounds import Grounds
from usher_agent.guardrails.links import links

# what takes a claim back when it stands shortly before it
_DENIED = re.compile(
    r"(?:\b(?:not|never|no|nothing|none|nobody|neither|without|if|once|when|whether|until|before|unless|after|"
    r"as soon as|"
    r"would|will|can|could|may|might|shall|should|must|cannot|want|wants|like|do you|did you|to be|to get|or|"
    r"only|need|needs|whoever|who|that are|which are|far from)\b|n['’]t\b)[^.;:!?]{0,48}$",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"(?:\b(?:not|never|no|nothing|nobody|without|cannot|if|whether|ask|asks|only|unless)\b|n['’]t\b)[^.;:!?]{0,48}$",
    re.IGNORECASE,
)
_DEPENDS = re.compile(r"\b(?:if|once|when|after|until|unless|as soon as|say yes|your yes|confirm)\b", re.IGNORECASE)
_DID = (
    r"(?P<did>bought|purchased|booked|ordered|charged|paid|refunded|upgraded|exchanged|swapped|credited|cancell?ed|held|"
    r"reserved|secured|placed|processed|issued|applied|waived|released|added|sent|emailed|confirmed|completed?|"
    r"locked in|moved|changed|transferred|put|arranged|saved|removed|registered|signed)"
)
_MANNER = (
    r"(?:(?:successfully|now|already|just|also|officially|all|fully|both|gone ahead and|been able to|managed to) )*"
)
_FIRST = re.compile(rf"\b(?:I|we)(?:['’]ve| have|['’]m| am|) {_MANNER}{_DID}\b", re.IGNORECASE)
_PASSIVE = re.compile(
    rf"\b(?:is|are|was|were|has been|have been|['’]s been|['’]ve been|been|got|gets|['’]re|['’]s) {_MANNER}"
    rf"(?:{_DID}|on hold|yours|on (?:its|their|the) way|through)\b"
    r"(?! for (?:wheel|member|access|people|guests|holders|whoever|anyone|those|others))",
    re.IGNORECASE,
)
_SET = re.compile(
    r"\byou(?:['’]re| are) all set\b|^\W*(?:all )?done\b(?=\W|$)|\ball (?:done|booked|sorted)\b|\bcongratulations\b|"
    r"\b(?:booking|order|purchase|payment|refund|upgrade|exchange|charge)\b[^.!?]{0,24}\b"
    r"(?:confirmed|went through|successful(?:ly)?|complete[d]?|processed|approved|finali[sz]ed)\b|"
    r"\byou(?:['’]ve| have) (?:got|bought|booked|secured) (?:the |your |these |those )?(?:tickets|seats)\b",
    re.IGNORECASE,
)
_HOLDING = re.compile(
    r"\bI(?:['’]m| am)? (?:hold|holding|keep|keeping|have|['’]ve got)\b(?! no\b)[^.!?]{0,60}"
    r"\b(?:for you|on hold|held|reserved)\b|"
    r"\bI(?: hold|['’]m holding| am holding)\b(?! no\b)",
    re.IGNORECASE,
)
_SAVING = re.compile(
    r"\b(?:\d+ ?(?:%|percent) (?:off|discount)|half[- ]price|two for one|buy one,? get one|"
    r"promo(?:tional)? code|coupons?|"
    r"vouchers?|discount(?:s|ed)?|cash ?back|price[- ]match\w*|waive[sd]?|free of charge|on the house|"
    r"on us|no extra (?:cost|charge)|"
    r"complimentary|loyalty (?:bonus|points)|bonus|"
    r"special (?:price|offer|deal|rate)|(?:free|complimentary) (?:parking|upgrade|drinks?|tickets?|"
    r"meals?|food|shipping|merch\w*|vip|backstage|entry|admission|gift))\b",
    re.IGNORECASE,
)
_SURE = re.compile(
    r"\b(?:guarantee[sd]?|(?:I|we) (?:can )?(?:promise|assure|vow)|money[- ]back guarantee|no questions asked|"
    r"risk[- ]free|fully refundable|"
    r"(?:full|100 ?%|complete) (?:refund|money back)|lowest price (?:anywhere|possible)|"
    r"cannot sell out|can['’]t sell out|"
    r"100 ?% (?:sure|certain)|refundable (?:at )?any ?time|any ?time,? for any reason)\b",
    re.IGNORECASE,
)
_WILL = re.compile(
    r"\b(?:I(?:['’]ll| will| am going to|['’]m going to)|someone(?: from our \w+)? will|"
    r"our (?:team|staff|manager) will|"
    r"(?:a|the|my) (?:manager|supervisor|person|colleague) will|"
    r"you(?:['’]ll| will) (?:receive|get|be (?:charged|refunded|upgraded)))"
    r"[^.;!?]{0,40}?\b(?P<act>e-?mail|text|call|phone|notify|remind|contact|mail|ring|refund\w*|"
    r"charge[sd]?|waive|upgrade[sd]?|reimburse|compensate|give you|make sure|ensure|message|follow up|SMS|letter|"
    r"confirmation (?:e-?mail|text))\b",
    re.IGNORECASE,
)
# a first glance: no promise of a kind is made without one of these words
_DEEDS = frozenset(
    """
    bought purchased booked ordered charged paid refunded upgraded exchanged swapped credited cancelled canceled
    held reserved secured placed processed issued applied waived released added sent emailed confirmed complete
    completed locked moved changed transferred put arranged saved removed registered signed hold yours way through
    """.split()  # noqa: SIM905
)
_ENDS_WELL = frozenset(
    """
    set done booked sorted congratulations confirmed went successful successfully complete completed processed
    approved finalised finalized got bought secured
    """.split()  # noqa: SIM905
)
_KEEPS = frozenset(["hold", "holding", "keep", "keeping", "held", "reserved", "have", "got"])
_SAVES = frozenset(
    """
    off discount discounts discounted price coupon coupons voucher vouchers promo promotional cashback cash waive
    waived waives free complimentary loyalty bonus special extra house us match matching one
    """.split()  # noqa: SIM905
)
_SURES = frozenset(
    """
    guarantee guaranteed guarantees promise assure vow back questions risk refundable refund lowest sell sure
    certain anytime time
    """.split()  # noqa: SIM905
)
_WILLS = frozenset(("ll", "will", "going"))
_HINTS = _DEEDS | _ENDS_WELL | _KEEPS | _SAVES | _SURES | _WILLS
_EVENT_NAME = re.compile(r'"event_name": ?"([^"\\]+)"')
_WORD = re.compile(r"[a-z]+")
_ORDER = re.compile(r"\b(?:[A-Z]{2,8}_\w{3,}|[a-z]{2,8}-\d\w*)")

# "it is changed there" says how something goes, not that it was done
_USUAL = frozenset(
    (
        "changed",
        "moved",
        "sent",
        "put",
        "added",
        "saved",
        "removed",
        "processed",
        "paid",
        "issued",
        "transferred",
        "arranged",
        "emailed",
    )
)
_YOURS = re.compile(
    r"\byour (?:order|ticket|seat|booking|refund|payment|purchase|upgrade|exchange)s?\b[^.!?]* (?:is|are) ", re.I
)

_SOLD = frozenset(("create_order", "exchange_order"))
_OF_EVENTS = frozenset(
    ("cancelled", "canceled", "moved", "changed", "added", "registered", "signed", "removed", "held", "reserved")
)
_ANY = _SOLD | {"upgrade_tickets", "refund_order", "credit_order"}
_ENDED = _ANY | {"open_support_ticket", "join_wait_list", "release_hold"}
_BY_VERB: dict[str, frozenset[str]] = {
    **dict.fromkeys(("bought", "purchased", "booked", "ordered", "paid", "secured", "yours", "confirmed"), _SOLD),
    **dict.fromkeys(("charged",), _SOLD | {"upgrade_tickets"}),
    **dict.fromkeys(("refunded",), frozenset(("refund_order", "exchange_order", "credit_order"))),
    **dict.fromkeys(("upgraded",), frozenset(("upgrade_tickets", "exchange_order"))),
    **dict.fromkeys(("exchanged", "swapped", "moved", "changed"), frozenset(("exchange_order", "upgrade_tickets"))),
    **dict.fromkeys(("credited",), frozenset(("credit_order", "refund_order", "exchange_order"))),
    **dict.fromkeys(("held", "reserved", "put"), frozenset(("hold_tickets",))),
    **dict.fromkeys(("released", "removed"), frozenset(("release_hold", "leave_wait_list", "hold_tickets"))),
    **dict.fromkeys(("added", "registered", "signed"), frozenset(("join_wait_list",))),
    **dict.fromkeys(("cancelled", "canceled"), frozenset(("refund_order", "credit_order", "release_hold"))),
}
# what the status of something that was looked up says of it
_STATUS_VERBS: dict[str, frozenset[str]] = {
    "confirmed": frozenset(("bought", "purchased", "booked", "ordered", "paid", "charged", "confirmed", "secured")),
    "refunded": frozenset(("refunded", "cancelled", "processed")),
    "partially_refunded": frozenset(("refunded", "bought", "booked", "confirmed", "paid", "charged")),
    "upgraded": frozenset(("upgraded", "bought", "booked", "confirmed", "paid", "charged")),
    "exchanged": frozenset(("exchanged", "moved", "changed")),
    "partially_exchanged": frozenset(("exchanged", "confirmed", "booked", "bought")),
    "credited": frozenset(("credited",)),
    "partially_credited": frozenset(("credited", "confirmed", "booked", "bought")),
    "cancelled": frozenset(("cancelled", "canceled", "moved", "changed")),
    "released": frozenset(("released", "removed")),
    "offered": frozenset(("held", "reserved")),
    "waiting": frozenset(("added", "registered", "signed")),
    "left": frozenset(("removed",)),
}


@dataclass(frozen=True, slots=True)
class Conduct:
    """What the turn itself did: `failed` when a confirmed action was refused or is not known to have succeeded."""

    failed: bool = False
    now: datetime | None = None


def may_promise(text: str) -> bool:
    """Whether it is worth a closer look."""
    return not _HINTS.isdisjoint(_WORD.findall(text.lower())) or bool(links(text))


def unsupported_claims(sentence: str, so_far: str, grounds: Grounds, conduct: Conduct) -> list[str]:
    """The words of each promise in the sentence that no answer bears out; `so_far` is the reply up to its end."""
    # where a reply sends the customer has to come from a tool, whatever stands before it
    found = [link for link in links(sentence) if not grounds.told(link)]
    words = _WORD.findall(sentence.lower())
    for pattern, hints, is_true in _CHECKS:
        if hints.isdisjoint(words):
            continue
        for claim in pattern.finditer(sentence):
            denied = _REFUSED if pattern in (_SAVING, _SURE) else _DENIED
            if denied.search(sentence[: claim.start()]) or is_true(claim, so_far, grounds, conduct):
                continue
            found.append(claim.group().strip())
    return found


def unsupported_deeds(sentence: str, so_far: str, grounds: Grounds, conduct: Conduct) -> list[str]:
    """The same of what is said to be done for this customer, and of links: of a sentence read out of a text."""
    found = [link for link in links(sentence) if not grounds.told(link)]
    for pattern, is_true in ((_FIRST, _did), (_SET, _set)):
        for claim in pattern.finditer(sentence):
            if not (_DENIED.search(sentence[: claim.start()]) or is_true(claim, so_far, grounds, conduct)):
                found.append(claim.group().strip())
    return found


def _did(claim: re.Match[str], sentence: str, grounds: Grounds, conduct: Conduct) -> bool:
    verb = (claim["did"] or "yours").lower()
    if verb in _USUAL and claim.group().lower().startswith(("is ", "are ")) and not _YOURS.search(sentence):
        return True
    wanted = _BY_VERB.get(verb)
    if wanted is None:  # of no tool in particular: some act has to have been carried out
        wanted = _ANY | {"open_support_ticket", "join_wait_list", "hand_over"}
    if not conduct.failed and not wanted.isdisjoint(grounds.done):
        return verb not in ("held", "reserved", "put") or _still_held(grounds, conduct)
    if (
        not conduct.failed
        and "bought" in grounds.done
        and verb in _STATUS_VERBS["confirmed"]
        and _names_order(sentence, grounds)
    ):
        return True
    if any(verb in _STATUS_VERBS.get(status, ()) for status in grounds.statuses):
        return verb in _OF_EVENTS or _names_order(sentence, grounds)
    return claim.re is _PASSIVE and verb != "yours" and _is_quoted(verb, sentence, grounds)


def _set(claim: re.Match[str], sentence: str, grounds: Grounds, conduct: Conduct) -> bool:
    if not conduct.failed and not grounds.done.isdisjoint(
        _ANY | {"open_support_ticket", "join_wait_list", "release_hold"}
    ):
        bare = claim.group().strip().lower()
        return bare in ("done", "all done") or not grounds.done.isdisjoint(_ANY)
    sold = "confirmed" in grounds.statuses or (not conduct.failed and "bought" in grounds.done)
    return sold and _names_order(sentence, grounds)


def _holding(claim: re.Match[str], sentence: str, grounds: Grounds, conduct: Conduct) -> bool:
    if "hold_tickets" in grounds.done:
        return _still_held(grounds, conduct)
    return "offered" in grounds.statuses


def _still_held(grounds: Grounds, conduct: Conduct) -> bool:
    if grounds.last_hold_until is None or conduct.now is None:
        return True
    try:
        return datetime.fromisoformat(grounds.last_hold_until) > conduct.now
    except (ValueError, TypeError):
        return True


def _names_order(sentence: str, grounds: Grounds) -> bool:
    """Whether it speaks of an order that was looked up, by its id or its event's name."""
    named = any(grounds.says(name) for name in _ORDER.findall(sentence))
    return named or any(name in sentence for answer in grounds.answers for name in _EVENT_NAME.findall(answer))


def _is_quoted(verb: str, sentence: str, grounds: Grounds) -> bool:
    """Whether a tool's free text uses the word, and the sentence speaks of no purchase of this customer's."""
    return not re.search(r"\b(?:you|your|yours|I|we|us)\b", sentence, re.IGNORECASE) and grounds.told(verb)


def _told(claim: re.Match[str], sentence: str, grounds: Grounds, conduct: Conduct) -> bool:
    return grounds.told(claim.group())


def _will(claim: re.Match[str], sentence: str, grounds: Grounds, conduct: Conduct) -> bool:
    if _DEPENDS.search(sentence) or "?" in sentence[claim.end() :]:
        return True
    handed = {"open_support_ticket", "hand_over", "join_wait_list", "create_order", "refund_order"}
    return not grounds.done.isdisjoint(handed) or grounds.told(claim["act"])


_Truth = Callable[[re.Match[str], str, Grounds, Conduct], bool]
_CHECKS: tuple[tuple[re.Pattern[str], frozenset[str], _Truth], ...] = (
    (_FIRST, _DEEDS, _did),
    (_PASSIVE, _DEEDS, _did),
    (_SET, _ENDS_WELL, _set),
    (_HOLDING, _KEEPS, _holding),
    (_SAVING, _SAVES, _told),
    (_SURE, _SURES, _told),
    (_WILL, _WILLS, _will),
)


# a full stop, but for those of initials, titles and abbreviations; or the end of a line
_ENDS = re.compile(
    r"(?:[.!?](?<![\s(][A-Za-z]\.)(?<!\bNo\.)(?<!\bvs\.)(?<!\bM[rs]\.)(?<!\b[SD][tr]\.)(?<!\bMrs\.)(?<!\be\.g\.)"
    r"[\"”’)*_]*[ \t]+(?![a-z])|\n+)"
)


def sentences(text: str) -> Iterator[str]:
    """The text in sentences and lines, with what separates them; joined they are the text."""
    start = 0
    for end in _ENDS.finditer(text):
        yield text[start : end.end()]
        start = end.end()
    if start < len(text):
        yield text[start:]
