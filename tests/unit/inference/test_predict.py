"""`/predict` of the ordinary service: for those who may call its models, and for nobody else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from usher_inference.adapters.fixed_models import FixedModels
from usher_inference.app import Deps, create_app
from usher_inference.playbook.engine import PlaybookEngine
from usher_inference.settings import Settings
from usher_shared.clock import SystemClock
from usher_shared.http.tokens import LocalTokenSource, LocalTokenVerifier
from usher_shared.ids import UlidGenerator

SECRET = "s" * 40
ASKED = {"instances": [{"messages": [{"role": "user", "content": "hello"}]}]}


async def post(body: Any, caller: str | None, audience: str = "inference") -> httpx.Response:
    models = FixedModels((PlaybookEngine("9.9"), PlaybookEngine("1", "second")), datetime(2026, 11, 21, tzinfo=UTC))
    app = create_app(Settings(), Deps(models, LocalTokenVerifier(SECRET), SystemClock(), UlidGenerator()))
    token = await LocalTokenSource(caller, SECRET).token(audience) if caller else None
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://inference") as client:
        return await client.post("/predict", json=body, headers=headers)


@pytest.mark.parametrize("caller", ["agent", "cli", "gateway"])
async def test_those_who_may_are_answered(caller: str) -> None:
    answer = await post(ASKED, caller)
    assert answer.status_code == 200
    assert answer.json()["predictions"][0]["response"].startswith("Hello!")


async def test_others_are_not() -> None:
    nobody = await post(ASKED, None)
    assert (nobody.status_code, nobody.json()["error"]["type"]) == (401, "authentication_error")
    assert (await post(ASKED, "webhooks")).status_code == 403
    assert (await post(ASKED, "agent", audience="tools")).status_code == 403


async def test_an_instance_may_name_its_model() -> None:
    instances = [ASKED["instances"][0] | {"model": name} for name in ("second", "", "usher-playbook", "third")]
    found = (await post({"instances": instances}, "cli")).json()["predictions"]
    assert [each.get("model") for each in found] == ["second", "usher-playbook", "usher-playbook", None]
    assert found[3]["error"]["code"] == "model_not_found"


async def test_errors_are_openais() -> None:
    refused = await post({"instances": 7}, "cli")
    assert refused.status_code == 400
    assert set(refused.json()["error"]) == {"message", "type", "param", "code"}
