"""What a conversation gives ground for: its tool answers, the customer's words, the replies before.

Tool answers are read by their keys, so that a seat's number is no price. Free text is read only when something is
looked for that the typed values do not have.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from enum import IntEnum
from typing import Any

import orjson

from usher_agent.guardrails.figures import NUMBER_WORDS, Figure, Kind, figures, shortest, size, thousandths
from usher_shared.contracts.recollection import PREFACE, read_note

# what a model is told of a reply that was refused; it quotes what has no ground, and is none
UNSUPPORTED = (
    "Your last message was not shown to the customer: nothing in this conversation bears out {missing}. Say only what "
    "the tools' answers or the customer said, call a tool to find out, or say that you do not know."
)
_REFUSED = UNSUPPORTED.partition("{")[0]
_FIELD = re.compile(r'"(\w+)": ?("[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*)')
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_BARE = re.compile(r"(?<![\w.])\d+(?:[.,]\d+)?(?![\w])")
_SAID_PLACE = re.compile(r"\b(section|row|seat|block)s?\s+(\d*[a-z]{0,2}\d*)\b", re.IGNORECASE)
_COUPLE = re.compile(r"\b(?:couple|pair|both of us|two of us|me and my \w+|my \w+ and (?:i|me))\b", re.IGNORECASE)
_MONEY_KEY = re.compile(
    r"price|total|fee|tax(?!_lines)|amount|cost|credit|charge|refund|balance|value|paid|fare|surcharge|delta|budget"
)
_SPAN_KEY = re.compile(r"(?:seconds?|_s|ttl|minutes?|hours?)$")
_PRICE = re.compile(r'"price":\s*"?(\d+(?:\.\d+)?)')
_KINDS = ("available", "accessible_available", "capacity")
_KIND = {key: re.compile(rf'"{key}": ?(\d+)') for key in _KINDS}
_LISTED = tuple(f'"{key}":' for key in ("event_id", "order_id", "id", "entry_id", "seat"))
_EACH = frozenset(("price", "min", "max", "price_from"))
_TWO = ("couple", "pair", "both of us", "two of us", "me and", " and i", " and me")
_PLACE_WORDS = ("section", "row", "seat", "block")
has_digit = re.compile(r"\d").search
_WINDOW = 12  # seats side by side that a subtotal may be of


class Role(IntEnum):
    """What the value of a key is."""

    OTHER = 0
    MONEY = 1
    MINOR = 2
    SECTION = 3
    ROW = 4
    SEAT = 5
    STATUS = 6
    ZONE = 7
    PERCENT = 8
    SPAN = 9


_ROLES = {
    "section": Role.SECTION,
    "row": Role.ROW,
    "number": Role.SEAT,
    "seat": Role.SEAT,
    "seat_number": Role.SEAT,
    "status": Role.STATUS,
    "time_zone": Role.ZONE,
    "percent": Role.PERCENT,
    "min": Role.MONEY,
    "max": Role.MONEY,
}


def role_of(key: str) -> Role:
    """What a tool answer's key names, ours or another box office's; `` for a value without one."""
    low = key.lower()
    if low in _ROLES:
        return _ROLES[low]
    if low.endswith("_minor"):
        return Role.MINOR
    if _MONEY_KEY.search(low) and not low.endswith(("_id", "_at")):
        return Role.MONEY
    if "percent" in low or low.endswith("_rate"):
        return Role.PERCENT
    return Role.SPAN if _SPAN_KEY.search(low) else Role.OTHER


_ROLE_OF: dict[str, Role] = {}  # by key; another box office's keys are as few as its schemas'


class Grounds:
    """Grows with the conversation; every message is read once."""

    def __init__(self) -> None:
        self.money: set[int] = set()
        self.totals: set[int] = set()  # those of them that may be shared out: no prices of one seat
        self.places: set[tuple[str, str]] = set()
        self.counts: set[int] = set()
        self.wanted: set[int] = set()  # numbers of tickets that were asked for, looked for or held
        self.numbers: set[str] = set()
        self.percents: set[str] = set()
        self.spans: set[float] = set()
        self.times: set[tuple[int, bool]] = set()
        self.dates: set[tuple[int | None, int | None, int]] = set()
        self.zones: set[str] = set()
        self.instants: list[datetime] = []
        self.longest_list = 0
        self.texts: list[str] = []
        self.answers: list[str] = []
        self.done: set[str] = set()
        self.statuses: set[str] = set()
        self.last_hold_until: str | None = None
        self._unread: list[str] = []
        self._asked: list[str] = []

    def add(self, messages: Iterable[dict[str, Any]]) -> None:
        for message in messages:
            content = message.get("content")
            match message["role"]:
                case "tool":
                    self._add_answer(message.get("name") or "", content or "")
                case "user":
                    self._add_words(content or "")
                case "assistant" if message.get("tool_calls"):
                    self._asked += [call["function"]["arguments"] for call in message["tool_calls"]]
                case "system" if content and content.startswith(PREFACE):
                    self._recall(content)
                case _:
                    if content and not content.startswith(_REFUSED):
                        self.texts.append(content)
                        self._unread.append(content)

    def _recall(self, note: str) -> None:
        """What turns that are left out had established."""
        known = read_note(note)
        if known is None:
            return
        self._add_answer("", note[len(PREFACE) :])
        for words in known.said:
            self._add_words(words)
        done = {str(one.get("action")) for one in known.decisions if one.get("outcome") == "done"}
        self.done |= done | ({"bought"} if done & {"create_order", "exchange_order"} else set())
        if known.holds:
            self.done.add("hold_tickets")
            until = known.holds[-1].get("expires_at")
            self.last_hold_until = until if isinstance(until, str) else None

    def _add_words(self, text: str) -> None:
        """The customer's: whatever number was named may be said back as what it was meant for."""
        self.texts.append(text)
        low = text.lower()
        if any(map(low.__contains__, _TWO)) and _COUPLE.search(low):
            self._want(2)
        if any(map(low.__contains__, _PLACE_WORDS)):
            for place in _SAID_PLACE.findall(low):
                self.places.add((place[0].replace("block", "section"), place[1]))
        if not (has_digit(text) or any(map(low.__contains__, NUMBER_WORDS))):
            return
        for figure in figures(text):
            self._take(figure)
            if figure.kind is Kind.COUNT:
                self._want(figure.value)
        for number in _BARE.findall(text):
            value = thousandths(number)
            self.money.add(value)
            self.totals.add(value)
            self.numbers.add(shortest(number))
            if value % 1000 == 0:
                whole = value // 1000
                self._want(whole)
                if whole <= 24:
                    self.times |= {(whole * 60, whole <= 12)}

    def _want(self, quantity: int) -> None:
        self.counts.add(quantity)
        if 1 < quantity <= 50:
            self.wanted.add(quantity)

    def _add_answer(self, tool: str, content: str) -> None:
        self.texts.append(content)
        self.answers.append(content)
        for key, value in set(_FIELD.findall(content)):  # a list of seats repeats most of its values
            role = _ROLE_OF.get(key)
            if role is None:
                role = _ROLE_OF[key] = role_of(key)
            if value[0] == '"':
                self._add_text(role, value[1:-1])
            elif role is Role.MONEY:
                amount = abs(round(size(value) * 1000))
                self.money.add(amount)
                if key not in _EACH:
                    self.totals.add(amount)
            else:
                self._add_number(role, value)
                if key == "quantity":
                    self._want(int(size(value)))
        if '"accessible_available":' in content:  # how many there are of a kind in the whole house
            for key in _KINDS:
                self.counts.add(sum(int(size(number)) for number in _KIND[key].findall(content)))
        counted = {content.count(mark) for mark in _LISTED}
        self.counts |= counted
        self.longest_list = max(self.longest_list, content.count('"section":'), *counted)
        if tool == "hold_tickets":
            self._want(content.count('"price":'))
        self._note(tool, content)

    def _add_text(self, role: Role, text: str) -> None:
        if role is Role.OTHER:
            if len(text) > 2 and has_digit(text):
                self._unread.append(text)
        elif role is Role.SECTION:
            self.places.add(("section", text.lower()))
        elif role is Role.ROW:
            self.places.add(("row", text.lower()))
        elif role is Role.SEAT:
            self.places.add(("seat", text.lower()))
        elif role is Role.STATUS:
            self.statuses.add(text)
        elif role is Role.ZONE:
            self.zones.add(text)
        elif role is Role.MONEY and _BARE.fullmatch(text):
            self.money.add(thousandths(text))
        elif text:
            self._unread.append(text)

    def _add_number(self, role: Role, value: str) -> None:
        number = size(value)
        if role is Role.MINOR:
            self.money |= {abs(round(number * 10)), abs(round(number * 1000)), abs(round(number))}
        elif role is Role.PERCENT:
            self.percents |= {shortest(value), shortest(str(round(number * 100, 4)))}
        else:
            if role is Role.SPAN:
                self.spans |= {number, number * 60, number * 3600}
            elif role in (Role.SECTION, Role.ROW, Role.SEAT):
                self.places.add((role.name.lower(), shortest(value)))
            self.numbers.add(shortest(value.lstrip("-")))
            if number == int(number):
                self.counts.add(int(number))

    def _note(self, tool: str, content: str) -> None:
        """What was done, by the tools' own answers."""
        if content.startswith('{"error"') or "confirmation_required" in content:
            return
        self.done.add(tool)
        if tool == "hold_tickets":
            self.done -= {"create_order", "exchange_order"}  # what was bought before says nothing of these seats
            found = re.search(r'"expires_at": ?"([^"]+)"', content)
            self.last_hold_until = found.group(1) if found else None
        elif tool in ("create_order", "exchange_order"):
            self.done |= {"bought"}
        elif tool == "release_hold":
            self.done.discard("hold_tickets")

    def _take(self, figure: Figure) -> None:
        match figure.kind:
            case Kind.MONEY:
                self.money.add(figure.value)
            case Kind.PLACE:
                self.places.add(figure.value)
            case Kind.COUNT:
                self.counts.add(figure.value)
                self.numbers.add(str(figure.value))
            case Kind.NUMBER:
                self.numbers.add(figure.value)
            case Kind.PERCENT:
                self.percents.add(figure.value)
            case Kind.SPAN:
                self.spans.add(figure.value)
            case Kind.TIME:
                self.times.add(figure.value)
            case Kind.DATE:
                self.dates.add(figure.value)

    def read_texts(self) -> bool:
        """Read the free text that was put off; False when there was none."""
        if not self._unread and not self._asked:
            return False
        texts, self._unread = self._unread, []
        for text in texts:
            if _INSTANT.match(text):
                self._add_instant(text)
                continue
            for figure in figures(text):
                self._take(figure)
        asked, self._asked = self._asked, []
        for arguments in asked:  # a day that was searched for may be named, whatever was found
            self.dates |= {figure.value for figure in figures(arguments) if figure.kind is Kind.DATE}
        return True

    def _add_instant(self, text: str) -> None:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return
        if moment.tzinfo is not None:
            self.instants.append(moment)

    def windows(self) -> Iterator[int]:
        """Sums of the prices of seats that stand next to each other in a list."""
        for answer in self.answers:
            run = [thousandths(price) for price in _PRICE.findall(answer)]
            for first in range(len(run)):
                total = run[first]
                for price in run[first + 1 : first + _WINDOW]:
                    total += price
                    yield total

    def says(self, words: str) -> bool:
        """Whether the words stand in some text of the conversation, not within a longer word or number."""
        for text in self.texts:
            at = text.find(words)
            while at >= 0:
                end = at + len(words)
                if not _goes_on(text, at - 1, -1) and not _goes_on(text, end, 1):
                    return True
                at = text.find(words, at + 1)
        return False

    def told(self, words: str) -> bool:
        """Whether a tool's answer has these words, in any case."""
        low = words.lower()
        return any(low in text.lower() for text in self.answers)


def _goes_on(text: str, at: int, step: int) -> bool:
    """Whether the word or number goes on at that place."""
    if not 0 <= at < len(text):
        return False
    if text[at].isalnum() or text[at] == "_":
        return True
    beyond = at + step
    return text[at] in ".,:-" and 0 <= beyond < len(text) and text[beyond].isdigit()


def ground_of_schemas(tools: list[dict[str, Any]]) -> Grounds:
    """What the offered tools themselves say: defaults and limits, such as how long a hold lasts."""
    grounds = Grounds()
    for key, value in _FIELD.findall(orjson.dumps(tools).decode()):
        if value[0] == '"' or key not in ("default", "maximum", "maxItems"):
            continue
        number = float(value)
        grounds.spans.add(number)
        grounds.counts.add(int(number))
    return grounds
