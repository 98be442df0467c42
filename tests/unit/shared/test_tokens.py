"""Tokens between services."""

from __future__ import annotations

import time

import jwt
import pytest

from usher_shared.errors import Forbidden, Unauthenticated
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier

SECRET = "a secret for tests that is long enough"


async def test_the_verifier_names_the_caller() -> None:
    token = await LocalTokenSource("agent", SECRET).token("tools")
    verifier = LocalTokenVerifier(SECRET)
    assert [await verifier.verify(token, "tools") for _ in range(3)] == ["agent"] * 3


async def test_a_token_is_reused_per_audience() -> None:
    source = LocalTokenSource("agent", SECRET)
    assert await source.token("tools") == await source.token("tools")
    assert await source.token("tools") != await source.token("inference")


async def test_a_token_serves_no_other_audience_even_once_verified() -> None:
    token = await LocalTokenSource("agent", SECRET).token("tools")
    verifier = LocalTokenVerifier(SECRET)
    await verifier.verify(token, "tools")
    with pytest.raises(Forbidden) as caught:
        await verifier.verify(token, "inference")
    assert caught.value.code == "wrong_audience"


async def test_another_stacks_token_is_refused() -> None:
    token = await LocalTokenSource("agent", "the secret of another stack, long enough").token("tools")
    with pytest.raises(Unauthenticated):
        await LocalTokenVerifier(SECRET).verify(token, "tools")


async def test_one_altered_character_is_refused() -> None:
    token = await LocalTokenSource("agent", SECRET).token("tools")
    verifier = LocalTokenVerifier(SECRET)
    await verifier.verify(token, "tools")
    middle = len(token) // 2
    altered = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    with pytest.raises(Unauthenticated):
        await verifier.verify(altered, "tools")


async def test_a_remembered_token_ends_with_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = int(time.time())
    claims = {"iss": "usher-local", "sub": "agent", "aud": "tools", "iat": now - 3600, "exp": now + 60}
    token = jwt.encode(claims, SECRET, algorithm="HS256")
    verifier = LocalTokenVerifier(SECRET)
    assert await verifier.verify(token, "tools") == "agent"
    ended = jwt.encode({**claims, "exp": now - 1}, SECRET, algorithm="HS256")
    with pytest.raises(Unauthenticated):
        await verifier.verify(ended, "tools")
    monkeypatch.setattr(time, "time", lambda: now + 61.0)
    # no longer taken from memory: what is verified anew is verified against the true clock
    calls = []
    monkeypatch.setattr(jwt, "decode", lambda *a, **k: calls.append(a) or claims)
    await verifier.verify(token, "tools")
    assert len(calls) == 1


async def test_many_tokens_do_not_grow_the_memory() -> None:
    verifier = LocalTokenVerifier(SECRET)
    for n in range(600):
        assert await verifier.verify(await LocalTokenSource(f"s{n}", SECRET).token("tools"), "tools") == f"s{n}"
    assert len(verifier._verified) <= 256


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(ValueError, match="32"):
        LocalTokenVerifier("short")
