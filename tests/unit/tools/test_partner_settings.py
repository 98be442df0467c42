"""Where a venue's own system is, and the key to it: together or not at all, and never in the clear over a network."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from usher_tools.adapters.partner_http import partner_of
from usher_tools.settings import Settings

_KEY = SecretStr("a-key-that-nobody-sees")


@pytest.mark.parametrize(
    "url",
    ["https://tickets.example/usher/v1/", "https://tickets.example:8443", "http://127.0.0.1:9000", "http://[::1]:1"],
)
def test_a_partner(url: str) -> None:
    settings = Settings(partner_url=url, partner_key=_KEY)
    partner = partner_of(settings)
    assert partner is not None
    for shown in (repr(settings), repr(partner), str(vars(partner))):
        assert _KEY.get_secret_value() not in shown


@pytest.mark.parametrize(
    "url",
    [
        "http://tickets.example",
        "ftp://tickets.example",
        "tickets.example",
        "https://",
        "https://user:word@tickets.example",
        "https://tickets.example/?key=1",
        "http://127.0.0.1.example",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        Settings(partner_url=url, partner_key=_KEY)


def test_both_or_none() -> None:
    assert partner_of(Settings()) is None
    with pytest.raises(ValidationError, match="together"):
        Settings(partner_url="https://tickets.example")
    with pytest.raises(ValidationError, match="together"):
        Settings(partner_key=_KEY)
