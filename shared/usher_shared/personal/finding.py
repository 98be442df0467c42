"""Where personal data stands in a text.

E-mail addresses by their form, telephone numbers by the numbering plans (`phonenumbers`), IBANs by their check digits,
postal addresses and identity documents where the words beside them say whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from usher_shared.personal.cards import mask_cards
from usher_shared.personal.shape import may_dial, shape


class Sort(StrEnum):
    """Kinds of personal data; the values are the names of the tokens that stand for them."""

    EMAIL = "EMAIL"
    PHONE = "PHONE"
    IBAN = "IBAN"
    ADDRESS = "ADDRESS"
    DOCUMENT = "DOCUMENT"


@dataclass(frozen=True, slots=True)
class Found:
    """`text[start:end]`; `key` is the same for all spellings of one value."""

    sort: Sort
    start: int
    end: int
    key: str


_STEMS = re.compile(
    r"passport|licen|ssn|social sec|national|identity|id card|born|birth|dob|tax id|nino|\d{3}-\d\d-\d{4}"
)
_HOME = re.compile(
    r"liv|address|deliver|ship|sen[dt]|mail|post|home|moved|resid|stay|pick me|house|place|flat|apartment|"
    r"we're at|i'm at"
)
_MASKED = ("(at)", "[at]", " dot ")
_EMAIL = re.compile(
    r"(?<![\w.+%-])[\w.+%'-]{1,64}(?:@| ?(?:\(at\)|\[at\]) ?)"
    r"(?:[\w-]{1,63}(?:\.| ?(?:\(dot\)|\[dot\]) ?)){1,6}[^\W\d_]{2,24}(?![\w-])",
    re.IGNORECASE,
)
_SPOKEN = re.compile(r"\b[\w.+-]+ at (?:[\w-]+ dot ){1,3}(?:com|org|net|edu|io|co|uk|de|fr|info|me)\b", re.IGNORECASE)
# a run of 7 to 15 digits as telephone numbers are written; not within a word, an amount, a date or a longer number
_DIALLED = re.compile(
    r"(?<![\w$€£¥#:@])(?<!\d[.,\-/])(?<![A-Za-z][-_])"
    r"\+?\(?\d(?:[ ()./\u2010-\u2015\u00a0-]{0,3}\d){6,14}(?![\w@])(?![.,:]\d)(?!-[\w])"
)
_DATE = re.compile(r"\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./]\d{2,4}|\d{1,2}:\d{2}")
# what names another number than a telephone's, directly before it
_NO_PHONE = re.compile(
    r"\b(?:order|orders|booking|reservation|confirmation|reference|ref|ticket|barcode|bar code|code|id|no|"
    r"nr|invoice|seat|seats|row|rows|section|sections|hold|quote|event|transaction|tracking|serial|serials|isbn|upc|account|"
    r"case|customer|member|membership|gate|block|version|receipt|order number|zip|postcode|blocks|lot|batch|sku|ean|qr)"
    r"(?: (?:number|numbers|no|nr|id|code|ids))?[.:#]* ?(?:is|was|are|of)? ?[(#“\"']?$",
    re.IGNORECASE,
)
_SAID_PHONE = re.compile(
    r"\b(?:phone|telephone|tel|mobile|cell|cellphone|call|text|sms|whatsapp|reach|ring|dial|"
    r"number is|fax|contact)\b[^\d]{0,30}$",
    re.IGNORECASE,
)
_IBAN = re.compile(r"\b[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}\b")
# https://www.swift.com/standards/data-standards/iban-international-bank-account-number
_IBAN_LENGTHS = {
    entry[:2]: int(entry[2:])
    for entry in """
    AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18
    FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IS26 IT27 JO30 KW30 KZ20 LB28 LI21 LT20 LU20 LV21 MC27
    MD24 ME22 MK19 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SE24 SI19 SK24 SM27 TN24 TR26 UA29
    VA22 VG24 XK20
    """.split()  # noqa: SIM905
}
_STREET = (
    r"(?:street|st|avenue|ave|road|rd|boulevard|blvd|lane|ln|drive|dr|court|ct|way|place|pl|square|sq|terrace|"
    r"parkway|pkwy|highway|hwy|close|crescent|gardens|circle|cir|trail|alley|mews|grove|hill)"
)
_ADDRESS = re.compile(
    rf"\b\d{{1,5}}[A-Za-z]?,? (?:(?:[NSEW]|North|South|East|West)\.? )?"
    rf"(?:(?!(?:tickets?|seats?|people|of|in|for|the)\b)[\w'’.-]+ ){{1,4}}?{_STREET}\b\.?"
    rf"(?:,? (?:apt|apartment|suite|unit|flat|floor|fl|no|#)\.? ?#?\w+)?"
    rf"(?:,? [A-Z][\w'’.-]+(?: [A-Z][\w'’.-]+){{0,2}})?(?:,? [A-Z]{{2}}\b)?"
    rf"(?:,? \d{{5}}(?:-\d{{4}})?|,? [A-Z]{{1,2}}\d[A-Z\d]? ?\d[A-Z]{{2}})?"
    rf"|\b[A-ZÄÖÜ][\wäöüß.-]+(?:straße|strasse|str\.|weg|platz|allee|gasse|laan|straat|gade|gatan) \d{{1,4}}[a-z]?"
    rf"(?:,? \d{{4,5}} [A-ZÄÖÜ][\wäöüß-]+)?"
    rf"|\b\d{{1,4}}(?: ?bis)?,? (?:rue|avenue|boulevard|place|via|calle|piazza|plaza) (?:[\w'’.-]+ ?){{1,5}}",
    re.IGNORECASE,
)
# only an address that is said to be somebody's: a venue's is public
_WHOSE = re.compile(
    r"\b(?:i(?:'m| am)? (?:live|living|at|staying)|we(?:'re| are)? (?:live|living|at|staying)|my (?:new |home |"
    r"billing |shipping |postal |mailing |street |delivery )?(?:address|place|house|home|flat|apartment)|"
    r"our (?:home |new )?(?:address|house|home)|home address|"
    r"(?:billing|shipping|delivery|mailing|postal) address|deliver|delivered|ship|shipped|mail|mailed|"
    r"send|sent|post|posted|pick me up|i moved|resident|"
    r"residing|reside)\b[^.!?\n]{0,50}$",
    re.IGNORECASE,
)
_BEFORE = 120  # characters before an address that may say whose it is
_DOCUMENT = re.compile(
    r"\b(?:passport|driv(?:er|ing)(?:'?s)? licen[cs]e|licen[cs]e|national id|identity card|id card|social security|ssn|"
    r"tax id|nino|national insurance)\b[^\n\d]{0,24}?[:# ]"
    r"(?P<value>(?=[A-Z]*\d)[A-Z0-9]{5,18}\b|[A-Z]{2}(?: ?\d\d){3} ?[A-Z]\b|\d{3}[- ]\d{2}[- ]\d{4}\b)"
    r"|(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])"
    r"|\b(?:dob|date of birth|born(?: on)?|birth ?day(?: is)?|birthdate)\b[^\n\d]{0,16}"
    r"(?P<born>\d{1,4}[-./ ]\d{1,2}[-./ ]\d{2,4})\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"<(EMAIL|PHONE|IBAN|ADDRESS|DOCUMENT)_\d{1,4}>")  # of a vault
_DIGIT = re.compile(r"\d")
_OTHER = re.compile(r"[^0-9A-Za-z]")
_REGION = "US"  # of a number without a country's code


def find(text: str, *, prose: bool = True) -> list[Found]:
    """Personal data in order, without overlaps.

    What a customer writes is `prose`. In other texts only e-mail addresses, telephone numbers and IBANs are looked for:
    the addresses there are venues'.
    """
    found: list[Found] = []
    for one in _all(text, prose=prose):
        if all(one.end <= other.start or one.start >= other.end for other in found):
            found.append(one)
    return sorted(found, key=lambda one: one.start) if found else found


def redact(text: str) -> str:
    """The text without cards, with `[email]`, `[phone]`, `[iban]`, `[address]`, `[document]` for data and tokens."""
    text = mask_cards(text)
    if "<" in text:
        text = _TOKEN.sub(lambda token: f"[{token[1].lower()}]", text)
    for one in reversed(find(text)):
        text = f"{text[: one.start]}[{one.sort.lower()}]{text[one.end :]}"
    return text


def _all(text: str, *, prose: bool) -> Iterator[Found]:
    """Surest first."""
    seen = shape(text)
    dialled = may_dial(seen)
    low = text.lower() if prose else ""
    masked = prose and any(map(low.__contains__, _MASKED))
    if masked or b"@" in seen:
        for match in _EMAIL.finditer(text):
            start = match.start() + (len(match.group()) - len(match.group().lstrip("'.-")))
            yield Found(Sort.EMAIL, start, match.end(), match.group().lower())
    if masked:
        for match in _SPOKEN.finditer(text):
            yield Found(Sort.EMAIL, *match.span(), match.group().lower())
    if dialled:
        for match in _IBAN.finditer(text):
            end = _iban_end(match.group())
            if end:
                yield Found(Sort.IBAN, match.start(), match.start() + end, _key(match.group()[:end]))
    if prose:
        yield from _of_prose(text, low)
    if dialled:
        yield from _phones(text)


def _of_prose(text: str, low: str) -> Iterator[Found]:
    if _STEMS.search(low):
        for match in _DOCUMENT.finditer(text):
            group = "value" if match["value"] else "born" if match["born"] else 0
            yield Found(Sort.DOCUMENT, *match.span(group), _key(match[group]))
    if _HOME.search(low) and _DIGIT.search(text):
        for match in _ADDRESS.finditer(text):
            if _WHOSE.search(text[max(0, match.start() - _BEFORE) : match.start()]):
                yield Found(Sort.ADDRESS, match.start(), match.end(), _key(match.group()))


def _key(value: str) -> str:
    return _OTHER.sub("", value).upper()


def _iban_end(candidate: str) -> int:
    """Where the IBAN at the candidate's beginning ends; 0 when it is none."""
    length = _IBAN_LENGTHS.get(candidate[:2].upper())
    if length is None:
        return 0
    count = 0
    for end, character in enumerate(candidate, start=1):
        count += character.isalnum()
        if count == length:
            compact = _key(candidate[:end])
            turned = "".join(str(int(c, 36)) for c in compact[4:] + compact[:4])
            return end if int(turned) % 97 == 1 else 0
    return 0


def _phones(text: str) -> Iterator[Found]:
    for match in _DIALLED.finditer(text):
        said = match.group()
        before = text[max(0, match.start() - 48) : match.start()]
        if _DATE.fullmatch(said) or _NO_PHONE.search(before):
            continue
        key = _phone_key(said, sure=bool(_SAID_PHONE.search(before)))
        if key:
            yield Found(Sort.PHONE, *match.span(), key)


def _phone_key(said: str, *, sure: bool) -> str:
    """The number in international form; "" when the numbering plans know no such number.

    Digits in a row without a plus, a zero or a separator may be anything: they count when the words say a telephone.
    """
    import phonenumbers

    marked = said.startswith(("+", "(", "00")) or any(c in " ()-./‐‑‒–—\u00a0" for c in said)
    if not (marked or sure):
        return ""
    text = "+" + said[2:] if said.startswith("00") else said
    if text.startswith("+"):
        regions: tuple[str | None, ...] = (None,)
    else:
        regions = (_REGION, "GB", "DE", "FR") if sure or said.startswith("0") else (_REGION,)
    for region in regions:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        good = phonenumbers.is_possible_number if (sure or text.startswith("+")) else phonenumbers.is_valid_number
        if good(number) or phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    return _key(said) if sure and sum(c.isdigit() for c in said) >= 7 else ""
