"""Text that others wrote, before a model reads it: it stays data.

Tool answers go to the model as JSON, their marks of chat templates escaped, their links left out, and each sentence
that is written as an order to the assistant. None of this decides what may be done: that is the confirmation's part.
"""

from __future__ import annotations

import re

import orjson

from usher_agent.guardrails.disguises import undisguised
from usher_agent.guardrails.links import without_links
from usher_agent.guardrails.marks import clean, escape_tags
from usher_shared.personal.cards import CARD_REPLACEMENT, contains_card, mask_cards

REMOVED = "[removed: written as an order to the assistant]"

_STEMS = (
    *(
        "ignore",
        "disregard",
        "forget",
        "override",
        "bypass",
        "skip",
        "instruction",
        "prompt",
        "you are",
        "system",
        "pretend",
    ),
    *(
        "assistant",
        "developer",
        "admin",
        "operator",
        "tool",
        "act as",
        "roleplay",
        "chatbot",
        "language model",
        " ai ",
        "agent",
    ),
    *(
        " bot ",
        "llm",
        "attention",
        "note",
        "important",
        "notice",
        "inst]",
        "sys>",
        "##",
        "new rule",
        "call",
        "invoke",
        "run ",
        "execute",
    ),
    *(
        "use ",
        "emit",
        "trigger",
        "approved",
        "agreed",
        "consented",
        "said yes",
        "customer",
        "user ",
        "guest ",
        "buyer ",
    ),
    *(
        "without",
        "do not",
        "don't",
        "don’t",
        "no need",
        "never",
        "reveal",
        "print",
        "repeat",
        "output",
        "leak",
        "disclose",
    ),
    *("respond", "reply", "answer", "tell the", "http", "www.", "gift card", "url", "decode"),
)
_TOOLS = (
    r"(?:create_order|refund_order|exchange_order|upgrade_tickets|credit_order|hold_tickets|release_hold|get_order|"
    r"list_orders|open_support_ticket|hand_over)"
)
_ORDERS = (
    # to forget what holds
    r"\b(?:ignore|disregard|forget|override|bypass|skip)\b.{0,40}\b(?:previous|prior|above|earlier|all|any|your|system|"
    r"safety|these|the)\b.{0,30}\b(?:instructions?|rules?|prompts?|guidelines|polic(?:y|ies)|confirmations?|messages?|"
    r"safeguards?)\b",
    # to pose as somebody who may give orders
    r"\b(?:system|developer|assistant|admin|operator|tool)\s?(?:message|prompt|note|override|instruction)?s?"
    r"\s?[:>\]]\s",
    r"\byou are (?:now (?:a|an|the|in|acting|free|allowed|authori[sz]ed|unrestricted)\b|no longer\b|actually an?\b|"
    r"in (?:developer|admin|debug)\b)",
    r"\b(?:pretend|act as|roleplay)\b.{0,30}\b(?:you|if|an?|the)\b",
    r"\b(?:ai|assistant|chatbot|language model|ticket agent|bot|llm)s?\b.{0,24}\b(?:must|should|shall|has to|have to|"
    r"need to|needs to|is required|are required|will now)\b",
    r"\b(?:attention|important|note|notice)\b:? (?:to |for )?(?:the |all |any )?"
    r"(?:ai|assistant|bot|llm|language model)\b",
    r"\[/?inst\]|<</?sys>>|#{2,} ?(?:system|instruction|assistant|human)|"
    r"\b(?:begin|end) (?:system|instruction|prompt)\b",
    r"\bnew (?:rules?|instructions?)\b.{0,4}:",
    # to act
    rf"\b(?:call|invoke|run|execute|use|emit|trigger)\b.{{0,30}}\b{_TOOLS}\b|"
    r"\b(?:call|invoke|execute|trigger)\b.{0,20}\b(?:tools?|functions?)\b",
    r"\b(?:customer|user|client|guest|buyer)\b.{0,20}\b(?:has |have )?(?:already )?(?:confirmed|approved|agreed|"
    r"consented|said yes)\b",
    r"\bwithout (?:asking|(?:a |any |the )?confirm\w*)\b|\b(?:do not|don['’]t|no need to|never)\b (?:ask for|"
    r"ask again|confirm with|(?:ask|tell|inform) (?:the |any )?(?:customers?|users?|them|him|her))\b",
    # to say or to send something
    r"\b(?:reveal|print|show|repeat|output|leak|disclose)\b.{0,30}\b(?:system prompt|instructions|other customers?|"
    r"secret|api key|credentials|all orders|orders of)\b",
    r"\b(?:respond|reply|answer)\b (?:only |exactly )?with\b|\btell the (?:customer|user|guest|buyer)\b",
    r"\b(?:send|post|forward|exfiltrate|e-?mail)\b.{0,40}\b(?:https?:|to (?:the )?url)",
    r"\b(?:customer|user|guest|buyer)s?\b.{0,20}\b(?:has to|have to|must|should|"
    r"needs? to)\b.{0,40}\b(?:pay|send|transfer|"
    r"enter|click|visit|wire)\b",
    # to pay or to show oneself elsewhere
    r"\b(?:pay\w*|transfer|wire|card (?:number|details)|log ?in|sign in|verify)\b.{0,60}(?:https?://|www\.)|"
    r"(?:https?://|www\.)\S{0,60}(?:pay|login|verify|wallet)|\bgift cards?\b.{0,40}\b(?:code|number)s?\b",
    r"\bdecode\b.{0,20}\b(?:base64|rot13|hex)\b",
)
_ORDER = re.compile("|".join(_ORDERS), re.IGNORECASE)
_FEWEST_WORDS = 3  # spaces in an answer below which nobody gives an order
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_SENTENCE = re.compile(r"(?:[^.!?\\]|\\.|[.!?](?!\s|$|\\n))+(?:[.!?]+|$)\s*", re.DOTALL)


def fence(text: str) -> str:
    """The JSON text of a tool answer as a model may read it: without template marks, card numbers, orders and links."""
    cleaned = clean(text)
    if CARD_REPLACEMENT in cleaned and CARD_REPLACEMENT not in text:
        cleaned = escape_tags(_without_cards(text))
    text = cleaned
    if text.isascii() and text.count(" ") < _FEWEST_WORDS:
        return without_links(text)
    seen = undisguised(text)
    low = seen.lower()
    if any(map(low.__contains__, _STEMS)) and _ORDER.search(seen) is not None:
        text = _STRING.sub(lambda found: f'"{_defuse(found[1])}"', text)
    return without_links(text)


def harmless(text: str) -> str:
    """The same for a plain text that is shown or kept as it is."""
    return without_links(_defuse(clean(text)))


def _gives_order(text: str) -> bool:
    return _ORDER.search(undisguised(text)) is not None


def _without_cards(text: str) -> str:
    """The JSON with its strings and numbers rid of cards one by one, so that it stays JSON."""
    try:
        return orjson.dumps(_rid(orjson.loads(text))).decode()
    except (orjson.JSONDecodeError, TypeError):
        return mask_cards(text)


def _rid(value: object) -> object:
    if isinstance(value, dict):
        return {key: _rid(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rid(one) for one in value]
    if isinstance(value, str):
        return mask_cards(value)
    return CARD_REPLACEMENT if isinstance(value, int) and contains_card(str(value)) else value


def _defuse(value: str) -> str:
    """A string of the answer up to the first sentence that gives an order: what follows belongs to it."""
    if len(value) < 12 or not _gives_order(value):
        return value
    kept: list[str] = []
    for sentence in _SENTENCE.findall(value):
        if _gives_order(sentence):
            break
        kept.append(sentence.strip())
    before = " ".join(kept)
    return REMOVED if _gives_order(before) else f"{before} {REMOVED}".strip()
