"""A conversation's personal data, kept apart from its texts: `<EMAIL_1>` there, the address here."""

from __future__ import annotations

import re
from typing import Any

from usher_shared.personal.finding import find

_TOKEN = re.compile(r"<(?:EMAIL|PHONE|IBAN|ADDRESS|DOCUMENT)_\d{1,4}>")
_MOST = 200  # values that one conversation remembers; what comes beyond is told apart no more


class Vault:
    """Tokens are stable: the same value, however it is spelt, has the same token throughout the conversation.

    `values` is what is stored, token to value; whoever removes it makes the texts anonymous.
    """

    def __init__(self, values: dict[str, str] | None = None) -> None:
        self.values: dict[str, str] = dict(values or {})
        self._tokens: dict[tuple[str, str], str] = {}
        for token, value in self.values.items():
            self._learn(token, value)

    def __bool__(self) -> bool:
        return bool(self.values)

    def hide(self, text: str, *, prose: bool = True) -> str:
        """The text with tokens in place of personal data; tokens that are in it already stay what they are."""
        found = find(text, prose=prose)
        tokens = [self._token(one.sort, one.key, text[one.start : one.end]) for one in found]
        for one, token in zip(reversed(found), reversed(tokens), strict=True):
            text = f"{text[: one.start]}{token}{text[one.end :]}"
        return text

    def show(self, text: str) -> str:
        """The text with the values of its tokens; a token that nobody gave out stays as it is."""
        if not self.values or "<" not in text:
            return text
        return _TOKEN.sub(lambda found: self.values.get(found.group(), found.group()), text)

    def show_all(self, value: Any) -> Any:
        """The same within lists and objects."""
        if isinstance(value, str):
            return self.show(value)
        if isinstance(value, list):
            return [self.show_all(one) for one in value]
        if isinstance(value, dict):
            return {key: self.show_all(one) for key, one in value.items()}
        return value

    def _token(self, sort: str, key: str, value: str) -> str:
        known = self._tokens.get((sort, key))
        if known is not None:
            return known
        if len(self.values) >= _MOST:
            return f"<{sort}_0>"
        number = 1 + sum(token.startswith(f"<{sort}_") for token in self.values)
        token = f"<{sort}_{number}>"
        self.values[token] = value
        self._tokens[sort, key] = token
        return token

    def _learn(self, token: str, value: str) -> None:
        sort = token[1:].partition("_")[0]
        keys = [one.key for one in find(f"phone {value}" if sort == "PHONE" else value) if one.sort == sort]
        self._tokens[sort, keys[0] if keys else re.sub(r"[^0-9A-Za-z]", "", value).upper()] = token
