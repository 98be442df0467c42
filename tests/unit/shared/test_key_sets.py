"""Where the issuer's keys come from: a file, a URL."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from usher_shared.errors import Unavailable
from usher_shared.http.key_sets import BadKeySet, FileKeySet, UrlKeySet, parse_jwks


def published(*key_ids: str) -> str:
    key = Ed25519PrivateKey.generate().public_key()
    return json.dumps({"keys": [{**OKPAlgorithm.to_jwk(key, as_dict=True), "kid": key_id} for key_id in key_ids]})


async def found(keys: FileKeySet | UrlKeySet, key_id: str | None) -> str | None:
    key = await keys.find(key_id)
    return None if key is None else key.key_id


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "jwks.json"
    keys = FileKeySet(file)
    assert await found(keys, "a") is None

    file.write_text(published("a"))
    assert (await found(keys, "a"), await found(keys, None), await found(keys, "b")) == ("a", "a", None)

    file.write_text(published("b", "c"))
    assert (await found(keys, "a"), await found(keys, "b"), await found(keys, None)) == (None, "b", None)

    file.write_text("nonsense")
    with pytest.raises(Unavailable):
        await keys.find("a")


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"keys": 1}', b'{"keys"', b"null"])
def test_what_is_no_key_set(text: bytes) -> None:
    with pytest.raises(BadKeySet):
        parse_jwks(text)


@pytest.mark.parametrize("entry", [1, None, "x", [], {}, {"kty": "OKP"}, {"kty": "EC", "crv": "P-256"}, {"kty": "oct"}])
def test_entries_that_are_no_keys_are_passed_over(entry: Any) -> None:
    assert parse_jwks(json.dumps({"keys": [entry]}).encode()) == []


class Issuer:
    def __init__(self) -> None:
        self.text = published("a")
        self.status = 200
        self.asked = 0
        self.url = ""
        self.was_asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        self.was_asked.set()
        await self.may_answer.wait()
        return web.Response(text=self.text, status=self.status)


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    fake = Issuer()
    app = web.Application()
    app.router.add_get("/jwks", fake.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
    yield fake
    await runner.cleanup()


async def test_a_url_is_asked_once_and_unknown_keys_do_not_flood_it(issuer: Issuer) -> None:
    keys = UrlKeySet(issuer.url)

    assert [await found(keys, key_id) for key_id in ("a", "a", "b", "c", "d")] == ["a", "a", None, None, None]
    assert issuer.asked == 1
    await keys.close()


@pytest.mark.parametrize(("status", "text"), [(500, "{}"), (200, "nonsense"), (302, ""), (200, "x" * 300_000)])
async def test_a_url_that_gave_no_keys(issuer: Issuer, status: int, text: str) -> None:
    issuer.status, issuer.text = status, text
    keys = UrlKeySet(issuer.url)

    with pytest.raises(Unavailable):
        await keys.find("a")
    await keys.close()


async def test_a_key_is_a_usable_key(issuer: Issuer) -> None:
    keys = UrlKeySet(issuer.url)
    key = await keys.find("a")

    assert isinstance(key, jwt.PyJWK)
    assert key.algorithm_name == "EdDSA"
    await keys.close()


async def test_a_rotated_key_is_fetched(issuer: Issuer) -> None:
    keys = UrlKeySet(issuer.url, unknown_seconds=0.0)
    assert await found(keys, "a") == "a"

    issuer.text = published("b")
    assert [await found(keys, key_id) for key_id in ("b", "a")] == ["b", None]
    await keys.close()


async def test_a_refresh_of_known_keys_keeps_nobody_waiting(issuer: Issuer) -> None:
    keys = UrlKeySet(issuer.url, refresh_seconds=-1.0)
    assert await found(keys, "a") == "a"
    keys._tried = float("-inf")  # the last attempt is long ago
    issuer.was_asked.clear()
    issuer.may_answer.clear()

    assert [await found(keys, "a") for _ in range(3)] == ["a"] * 3
    await issuer.was_asked.wait()
    assert issuer.asked == 2
    issuer.may_answer.set()
    await keys.close()


async def test_the_last_keys_serve_while_the_url_does_not(issuer: Issuer) -> None:
    keys = UrlKeySet(issuer.url, refresh_seconds=-1.0, unknown_seconds=0.0)
    assert await found(keys, "a") == "a"

    issuer.status = 503
    assert [await found(keys, key_id) for key_id in ("b", "a")] == [None, "a"]
    assert issuer.asked == 2
    await keys.close()


async def test_many_who_wait_for_the_first_keys_ask_once(issuer: Issuer) -> None:
    keys = UrlKeySet(issuer.url)
    assert await asyncio.gather(*(found(keys, "a") for _ in range(20))) == ["a"] * 20
    assert issuer.asked == 1
    await keys.close()
