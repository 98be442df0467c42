"""The gateway of the embedded stack, and the stack's own customer tokens."""

from __future__ import annotations

import json
import stat
from datetime import timedelta
from pathlib import Path

import jwt
import pytest

from usher_gateway.identity.tokens import TokenReader
from usher_local.customer_tokens import AUDIENCE, ISSUER, ensure_keys, mint
from usher_local.roots.gateway import build
from usher_local.stack import SERVICES, Stack
from usher_shared.errors import Unauthenticated
from usher_shared.http.key_sets import FileKeySet


def reader(home: Path) -> TokenReader:
    return TokenReader(FileKeySet(ensure_keys(home)), issuer=ISSUER, audience=AUDIENCE, scopes=("chat",))


async def test_a_minted_token_speaks_for_its_customer(tmp_path: Path) -> None:
    token = mint(tmp_path, "ada", timedelta(minutes=5))

    identity = await reader(tmp_path).read(token)

    assert (identity.customer_id, identity.client_id) == ("ada", "usher-cli")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 300


async def test_a_token_of_another_stack_is_refused(tmp_path: Path) -> None:
    token = mint(tmp_path / "other", "ada")

    with pytest.raises(Unauthenticated):
        await reader(tmp_path / "mine").read(token)


def test_the_private_key_is_its_owner_s_alone_and_stays(tmp_path: Path) -> None:
    jwks = ensure_keys(tmp_path)
    before = jwks.read_bytes()
    mint(tmp_path, "ada")

    assert ensure_keys(tmp_path).read_bytes() == before
    (private,) = tmp_path.glob("*.pem")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert "d" not in json.loads(before)["keys"][0]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["customer-jwks.json", "customer-key.pem"]


@pytest.mark.parametrize(("customer", "lifetime"), [("", timedelta(hours=1)), ("ada", timedelta(0))])
def test_tokens_that_cannot_be_minted(tmp_path: Path, customer: str, lifetime: timedelta) -> None:
    with pytest.raises(ValueError, match="a token needs"):
        mint(tmp_path, customer, lifetime)


async def test_the_whole_api_is_offered_on_the_stack_s_own_keys(tmp_path: Path) -> None:
    stack = Stack(tmp_path, dict.fromkeys(SERVICES, 1), "a secret for the tests, long enough to be one")
    app = build(stack)

    assert {"/chat", "/orders", "/webhooks", "/stats"} <= set(app.openapi()["paths"])
    async with app.router.lifespan_context(app):
        assert app.state.room.settings.issuer == ISSUER
