"""Google's ID tokens: what is remembered, what the metadata server is asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from google_identity import GATEWAY, PUSH, Google, serve_google
from usher_shared.errors import Forbidden, Unauthenticated, Unavailable
from usher_shared.http.google_tokens import GoogleTokenSource, GoogleTokenVerifier
from usher_shared.http.key_sets import UrlKeySet


@pytest.fixture
async def google() -> AsyncIterator[Google]:
    async with serve_google() as google:
        yield google


@pytest.fixture
async def verifier(google: Google) -> AsyncIterator[GoogleTokenVerifier]:
    keys = UrlKeySet(google.certificates_url, unknown_seconds=0.0)
    verifier = GoogleTokenVerifier({PUSH: "bus", GATEWAY: "gateway"}, keys=keys)
    yield verifier
    await verifier.close()


async def test_a_source_and_a_verifier_agree(google: Google, verifier: GoogleTokenVerifier) -> None:
    source = GoogleTokenSource(google.host)
    assert await verifier.verify(await source.token("tools"), "tools") == "gateway"


async def test_a_remembered_token_serves_no_other_audience(google: Google, verifier: GoogleTokenVerifier) -> None:
    token = google.token()
    assert await verifier.verify(token, "logger") == "bus"
    with pytest.raises(Forbidden):
        await verifier.verify(token, "webhooks")


async def test_a_remembered_token_ends_with_its_time(google: Google, verifier: GoogleTokenVerifier) -> None:
    now = int(time.time())
    token = google.token(iat=now - 3605, exp=now - 5)  # within the leeway for clocks that differ
    assert await verifier.verify(token, "logger") == "bus"
    google.key_id = "another"  # what is not taken from memory finds no key
    verifier._keys = UrlKeySet(google.certificates_url)
    with pytest.raises(Unauthenticated):
        await verifier.verify(token, "logger")


async def test_certificates_that_cannot_be_fetched_again_still_serve(
    google: Google, verifier: GoogleTokenVerifier
) -> None:
    assert await verifier.verify(google.token(), "logger") == "bus"
    google.refusing = True
    assert await verifier.verify(google.token(sub="1"), "logger") == "bus"


async def test_after_a_rotation_the_new_key_is_fetched(google: Google, verifier: GoogleTokenVerifier) -> None:
    assert await verifier.verify(google.token(), "logger") == "bus"
    google.key_id = "the next one"
    assert await verifier.verify(google.token(), "logger") == "bus"
    assert google.certificates_asked == 2


async def test_without_any_certificate_nobody_is_judged(google: Google, verifier: GoogleTokenVerifier) -> None:
    google.refusing = True
    with pytest.raises(Unavailable):
        await verifier.verify(google.token(), "logger")


async def test_memory_is_bounded(google: Google, verifier: GoogleTokenVerifier) -> None:
    for n in range(1100):
        await verifier.verify(google.token(sub=str(n)), "logger")
    assert len(verifier._verified) == 1024


async def test_the_metadata_server_is_asked_once_per_audience(google: Google) -> None:
    source = GoogleTokenSource(google.host)
    tokens = await asyncio.gather(*(source.token("tools") for _ in range(20)))
    assert len({*tokens, await source.token("tools")}) == 1
    assert google.metadata_asked == [({"audience": "usher-tools", "format": "full"}, "Google")]
    await source.token("logger")
    assert len(google.metadata_asked) == 2


async def test_a_token_near_its_end_is_replaced_and_used_if_it_cannot_be(google: Google) -> None:
    source = GoogleTokenSource(google.host)
    google.lifetime_seconds = 120
    first = await source.token("tools")
    google.lifetime_seconds = 130
    second = await source.token("tools")
    assert second != first
    google.refusing = True
    assert await source.token("tools") == second


@pytest.mark.parametrize("lifetime_seconds", [-1, 5])
async def test_an_ended_token_is_not_used(google: Google, lifetime_seconds: int) -> None:
    source = GoogleTokenSource(google.host)
    google.lifetime_seconds = lifetime_seconds
    await source.token("tools")
    google.refusing = True
    with pytest.raises(Unavailable):
        await source.token("tools")


async def test_where_there_is_no_metadata_server(google: Google, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", "127.0.0.1:1")
    source = GoogleTokenSource()
    with pytest.raises(Unavailable):
        await source.token("tools")
    monkeypatch.setenv("GCE_METADATA_HOST", google.host)
    assert await GoogleTokenSource().token("tools")
